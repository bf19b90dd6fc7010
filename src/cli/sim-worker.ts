import { simulate } from '../sim/simulation.js';
import { serveSeeds } from './sim-serve.js';

serveSeeds(simulate);

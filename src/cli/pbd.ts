#!/usr/bin/env node
import { runProcess } from './run-process.js';
import { runShortForm } from './short-form.js';
import { pbdForm } from './short-forms.js';

await runProcess((commandLine, terminal) => runShortForm(pbdForm, commandLine, terminal));

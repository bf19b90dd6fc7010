#!/usr/bin/env node
import { runProcess } from './run-process.js';
import { runShortForm } from './short-form.js';
import { viewdForm } from './short-forms.js';

await runProcess((commandLine, terminal) => runShortForm(viewdForm, commandLine, terminal));

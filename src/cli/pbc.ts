#!/usr/bin/env node
import { runProcess } from './run-process.js';
import { runShortForm } from './short-form.js';
import { pbcForm } from './short-forms.js';

// VIEW says whom to ask, whatever else `synod` would go by.
delete process.env['SYNOD_ENDPOINTS'];

await runProcess((commandLine, terminal) => runShortForm(pbcForm, commandLine, terminal));

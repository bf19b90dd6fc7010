import type {
  ForwardRequest,
  ForwardResponse,
  PullStateRequest,
  PullStateResponse,
  Standing as StandingMessage,
} from '../../gen/synod/backup/v1/backup.js';
import type {
  GetViewResponse,
  PingRequest,
  PingResponse,
  View as ViewMessage,
} from '../../gen/synod/view/v1/view.js';
import { chunkFromWire, chunkToWire } from '../log/chunk-wire.js';
import type { Forward, ForwardAnswer, ServerPing, Standing, StatePiece, ViewNews } from './messages.js';
import { serverAddress, serverIncarnation, viewServiceIncarnation, type ServerAddress } from './names.js';
import type { View } from './view.js';

/** @throws RangeError where a field cannot be what it stands for, as every other `…FromWire` here */
export const pingFromWire = (message: PingRequest): ServerPing => ({
  server: serverAddress(message.server),
  viewNumber: message.viewNumber,
  incarnation: message.serverIncarnation === '' ? undefined : serverIncarnation(message.serverIncarnation),
  viewService:
    message.viewServiceIncarnation === ''
      ? undefined
      : viewServiceIncarnation(message.viewServiceIncarnation),
});

export const pingToWire = (ping: ServerPing): PingRequest => ({
  server: ping.server,
  viewNumber: ping.viewNumber,
  serverIncarnation: ping.incarnation ?? '',
  viewServiceIncarnation: ping.viewService ?? '',
});

const viewToWire = ({ viewNumber, primary, backup }: View): ViewMessage => ({
  viewNumber,
  primary: primary ?? '',
  backup: backup ?? '',
});

const addressFromWire = (address: string): ServerAddress | undefined =>
  address === '' ? undefined : serverAddress(address);

function viewFromWire(message: ViewMessage | undefined): View {
  if (message === undefined) throw new RangeError('the answer has no view');
  const { viewNumber } = message;
  const [primary, backup] = [addressFromWire(message.primary), addressFromWire(message.backup)];
  const isNone = viewNumber === 0 && primary === undefined && backup === undefined;
  if (isNone || (viewNumber > 0 && primary !== undefined && primary !== backup)) {
    return { viewNumber, primary, backup };
  }
  throw new RangeError(
    `view ${viewNumber} cannot have the primary "${message.primary}" and the backup "${message.backup}"`,
  );
}

export const newsToWire = ({ view, viewService, trouble, ...is }: ViewNews): PingResponse => ({
  view: viewToWire(view),
  acknowledged: is.isAcknowledged,
  backupReady: is.isBackupReady,
  incarnation: viewService,
  trouble,
});

export const newsFromWire = (message: PingResponse): ViewNews => ({
  view: viewFromWire(message.view),
  isAcknowledged: message.acknowledged,
  isBackupReady: message.backupReady,
  viewService: viewServiceIncarnation(message.incarnation),
  trouble: message.trouble,
});

export const viewAnswerToWire = (
  news: ViewNews,
  servers: readonly { readonly address: ServerAddress; readonly isAlive: boolean }[],
): GetViewResponse => ({
  ...newsToWire(news),
  servers: servers.map(({ address, isAlive }) => ({ address, alive: isAlive })),
});

const standingToWire = ({ viewService, viewNumber, sender }: Standing): StandingMessage => ({
  viewServiceIncarnation: viewService,
  viewNumber,
  sender,
});

function standingFromWire(message: StandingMessage | undefined): Standing {
  if (message === undefined) throw new RangeError('the request does not say by which view it goes');
  return {
    viewService: viewServiceIncarnation(message.viewServiceIncarnation),
    viewNumber: message.viewNumber,
    sender: serverAddress(message.sender),
  };
}

export const forwardToWire = ({ standing, slot, commands, transfer }: Forward): ForwardRequest => ({
  standing: standingToWire(standing),
  slot,
  commands: commands.map((command) => Buffer.from(command.buffer, command.byteOffset, command.byteLength)),
  transfer,
});

export const forwardFromWire = ({ standing, slot, commands, transfer }: ForwardRequest): Forward => ({
  standing: standingFromWire(standing),
  slot,
  commands,
  transfer,
});

export function forwardAnswerToWire(answer: ForwardAnswer): ForwardResponse {
  switch (answer.kind) {
    case 'acknowledged':
      return { outcome: { $case: 'acknowledged', value: {} } };
    case 'not-ready':
      return { outcome: { $case: 'notReady', value: {} } };
    case 'stale':
      return { outcome: { $case: 'stale', value: { viewNumber: answer.viewNumber } } };
  }
}

export function forwardAnswerFromWire({ outcome }: ForwardResponse): ForwardAnswer {
  switch (outcome?.$case) {
    case 'acknowledged':
      return { kind: 'acknowledged' };
    case 'notReady':
      return { kind: 'not-ready' };
    case 'stale':
      return { kind: 'stale', viewNumber: outcome.value.viewNumber };
    case undefined:
      throw new RangeError('the answer of the backup is of no kind that is known');
  }
}

export const pullToWire = (standing: Standing): PullStateRequest => ({ standing: standingToWire(standing) });
export const pullFromWire = ({ standing }: PullStateRequest): Standing => standingFromWire(standing);

export const pieceToWire = ({ chunk, transfer }: StatePiece): PullStateResponse => ({
  chunk: chunkToWire(chunk),
  transfer,
});

export const pieceFromWire = ({ chunk, transfer }: PullStateResponse): StatePiece => ({
  chunk: chunkFromWire(chunk),
  transfer,
});

import type { Header as HeaderMessage } from '../../gen/synod/peer/v1/header.js';
import type { Header } from './header.js';
import { incarnation, replicaId } from './ids.js';

export const headerToWire = (header: Header): HeaderMessage => ({
  protocolVersion: header.protocolVersion,
  clusterId: header.clusterId,
  groupId: header.groupId,
  configEpoch: header.configEpoch,
  from: header.from,
  to: header.to,
  incarnation: header.incarnation,
  bootCounter: header.bootCounter,
  done: header.done.map(({ replica, incarnation, through }) => ({
    replicaId: replica,
    incarnation,
    doneThrough: through,
  })),
  learnedThrough: header.learnedThrough,
  durableLsn: header.durableLsn,
});

/** @throws Error if the header is absent or names an impossible replica */
export function headerFromWire(message: HeaderMessage | undefined): Header {
  if (message === undefined) throw new Error('the message has no header');
  return {
    protocolVersion: message.protocolVersion,
    clusterId: message.clusterId,
    groupId: message.groupId,
    configEpoch: message.configEpoch,
    from: replicaId(message.from),
    to: replicaId(message.to),
    incarnation: incarnation(message.incarnation),
    bootCounter: message.bootCounter,
    done: message.done.map((entry) => ({
      replica: replicaId(entry.replicaId),
      incarnation: incarnation(entry.incarnation),
      through: entry.doneThrough,
    })),
    learnedThrough: message.learnedThrough,
    durableLsn: message.durableLsn,
  };
}

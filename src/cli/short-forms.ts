import { addressOf, type ShortForm } from './short-form.js';

const places = 'An address is HOST:PORT or the path of a socket.';

export const viewdForm: ShortForm = {
  usage: 'viewd ADDRESS',
  description: `Runs the view service of the engine primary-backup, as synod viewd does. ${places}`,
  example: 'viewd /tmp/viewservice-socket',
  addressCount: 1,
  translate: ([address, ...rest]) =>
    address === undefined || rest.length > 0 ? undefined : ['viewd', '--listen', addressOf(address)],
};

export const pbdForm: ShortForm = {
  usage: 'pbd VIEW ADDRESS',
  description:
    'Runs a server of the engine primary-backup at ADDRESS, as synod serve does; VIEW is where its view service is.\n' +
    places,
  example: 'pbd /tmp/viewservice-socket /tmp/pbserver-1',
  addressCount: 2,
  translate: ([view, address, ...rest]) =>
    view === undefined || address === undefined || rest.length > 0
      ? undefined
      : [
          ...['serve', '--engine', 'primary-backup'],
          ...['--view-service', addressOf(view), '--address', addressOf(address)],
        ],
};

export const pbcForm: ShortForm = {
  usage: 'pbc VIEW KEY [VALUE]',
  description:
    'Stores VALUE under KEY, or prints the value of KEY, as synod put and synod get do; VIEW is where the view\n' +
    `service is. ${places}`,
  example: 'pbc /tmp/viewservice-socket key1 value1',
  addressCount: 1,
  translate: ([view, key, value, ...rest]) => {
    if (view === undefined || key === undefined || rest.length > 0) return undefined;
    const asked = ['--view-service', addressOf(view), '--', key];
    return value === undefined ? ['get', ...asked] : ['put', ...asked, value];
  },
};

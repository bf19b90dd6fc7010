import { status, type handleUnaryCall } from '@grpc/grpc-js';
import { GetViewResponse, ViewServiceService as definition } from '../../gen/synod/view/v1/view.js';
import { serve, type Served } from './served.js';

/** A view service on a loopback port that says what the test says. */
export interface ServedView extends Served {
  /** What it says from now on. */
  say(said: Partial<GetViewResponse>): void;
  /** How often it was asked. */
  readonly asked: number;
}

const completed = (said: Partial<GetViewResponse>): GetViewResponse => ({
  ...GetViewResponse.decode(new Uint8Array(0)),
  ...said,
});

export async function serveView(said: Partial<GetViewResponse> = {}): Promise<ServedView> {
  let answer = completed(said);
  let asked = 0;
  const getView: handleUnaryCall<unknown, GetViewResponse> = (_call, respond) => {
    asked += 1;
    respond(null, answer);
  };
  const served = await serve((server) =>
    server.addService(definition, {
      getView,
      ping: (_call: unknown, respond: (error: object) => void) => respond({ code: status.UNIMPLEMENTED }),
    }),
  );
  return {
    ...served,
    say: (next) => (answer = completed(next)),
    get asked() {
      return asked;
    },
  };
}

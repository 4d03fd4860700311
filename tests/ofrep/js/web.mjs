// The web client: all flags at once, then polling with If-None-Match. Prints what it saw as JSON.
import { OFREPWebProvider } from '@openfeature/ofrep-web-provider';
import { OpenFeature, ProviderEvents } from '@openfeature/web-sdk';

const [, , baseUrl] = process.argv;
const exchanges = [];
const changes = [];

async function watchedFetch(request) {
  const answer = await fetch(request);
  exchanges.push({
    sent: request.headers.get('if-none-match'),
    status: answer.status,
    etag: answer.headers.get('etag'),
  });
  return answer;
}

async function until(what, holds) {
  const deadline = Date.now() + 30_000;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const provider = new OFREPWebProvider({
  baseUrl,
  pollInterval: 50,
  cacheMode: 'disabled',
  fetchImplementation: watchedFetch,
});
await OpenFeature.setContext({ targetingKey: 'u1' });
await OpenFeature.setProviderAndWait(provider);
const client = OpenFeature.getClient();
client.addHandler(ProviderEvents.ConfigurationChanged, ({ flagsChanged }) => changes.push(...flagsChanged));

const first = {
  boolean: client.getBooleanDetails('boolean', false),
  string: client.getStringDetails('string', 'none'),
  integer: client.getNumberDetails('integer', 0),
  float: client.getNumberDetails('float', 0),
  'whole-float': client.getNumberDetails('whole-float', 0),
  object: client.getObjectDetails('object', {}),
  us: client.getStringDetails('us', 'none'),
  paused: client.getBooleanDetails('paused', false),
};

await until('four polls', () => exchanges.length >= 5);
const quiet = exchanges.slice();

await OpenFeature.setContext({ targetingKey: 'u1', country: 'US' });
const moved = client.getStringDetails('us', 'none');
const before = changes.length;

const paused = await fetch(`${baseUrl}/api/v1/experiments/keys/pause`, { method: 'POST' });
if (!paused.ok) throw new Error(await paused.text());
await until('a change', () => changes.length > before);

console.log(
  JSON.stringify({
    first,
    moved,
    quiet: quiet.map(({ status }) => status),
    tags: quiet.map(({ sent }) => sent),
    etag: quiet[0].etag,
    changed: changes.slice(before),
    after: client.getStringDetails('keys', 'none'),
  }),
);
await OpenFeature.close();

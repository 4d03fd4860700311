// The server client: one request for every flag it is asked for. Prints what it saw as JSON.
import { OFREPProvider } from '@openfeature/ofrep-provider';
import { OpenFeature } from '@openfeature/server-sdk';

const [, , baseUrl] = process.argv;
await OpenFeature.setProviderAndWait(new OFREPProvider({ baseUrl }));
const client = OpenFeature.getClient();
const context = { targetingKey: 'u1' };

const units = {};
for (let number = 0; number < 12; number += 1) {
  units[`u${number}`] = await client.getStringValue('keys', 'none', { targetingKey: `u${number}` });
}
const seen = {
  boolean: await client.getBooleanDetails('boolean', false, context),
  string: await client.getStringDetails('string', 'none', context),
  integer: await client.getNumberDetails('integer', 0, context),
  float: await client.getNumberDetails('float', 0, context),
  'whole-float': await client.getNumberDetails('whole-float', 0, context),
  object: await client.getObjectDetails('object', {}, context),
  outside: await client.getStringDetails('us', 'none', { ...context, country: 'DE' }),
  inside: await client.getStringDetails('us', 'none', { ...context, country: 'US' }),
  paused: await client.getBooleanDetails('paused', false, context),
  never: await client.getBooleanDetails('never', false, context),
  nobody: await client.getBooleanDetails('boolean', false, {}),
  mismatch: await client.getBooleanDetails('string', false, context),
  units,
};
console.log(JSON.stringify(seen));
await OpenFeature.close();

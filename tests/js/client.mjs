// node client.mjs MODULE URL SCENARIO: the client between a page and a live server. What happened, as JSON.
import { createServer, request as forward } from 'node:http';

const [module, upstream, name] = process.argv.slice(2);
const { Assay } = await import(module);

/** A way to the server that can be cut, held up, and asked what went over it. */
class Road {
  seen = [];
  busy = 0; // that many requests are answered with 503 and a wait of 30 seconds
  port = 0;

  async open() {
    this.server = createServer((incoming, outgoing) => this.pass(incoming, outgoing));
    await new Promise((resolve) => this.server.listen(this.port, '127.0.0.1', resolve));
    this.port = this.server.address().port;
    this.url = `http://127.0.0.1:${this.port}`;
    return this;
  }

  cut() {
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(resolve));
  }

  async pass(incoming, outgoing) {
    let body = '';
    for await (const part of incoming) body += part;
    const seen = { method: incoming.method, path: incoming.url, tag: incoming.headers['if-none-match'] ?? null, body };
    this.seen.push(seen);
    if (this.busy > 0) {
      this.busy -= 1;
      seen.status = 503;
      return outgoing.writeHead(503, { 'Retry-After': '30' }).end('{}');
    }
    const options = { method: incoming.method, headers: { ...incoming.headers, host: new URL(upstream).host } };
    forward(upstream + incoming.url, options, (answer) => {
      seen.status = answer.statusCode;
      outgoing.writeHead(answer.statusCode, answer.headers);
      answer.pipe(outgoing);
    }).end(body);
  }

  posts() {
    return this.seen.filter((item) => item.method === 'POST').map((item) => JSON.parse(item.body).events);
  }
}

class Shelf extends Map {
  getItem = (key) => this.get(key) ?? null;
  setItem = (key, value) => void this.set(key, value);
}

const road = await new Road().open();
const storage = new Shelf();
const problems = [];
const onError = (message, detail) => problems.push([message, detail?.code ?? detail?.status ?? null]);
const client = (more = {}) => new Assay({ url: road.url, unit: 'u1', storage, refreshSeconds: 0, onError, ...more });
const realNow = Date.now;
const travel = (ms) => (Date.now = () => realNow() + ms);

const scenarios = {
  async assigns() {
    const assay = client();
    await assay.ready();
    const given = {};
    for (let i = 0; i < 60; i++) {
      assay.setUnit(`u${i}`, { country: i % 3 ? 'US' : 'DE' });
      const { variant, reason, config } = assay.decide('checkout');
      given[assay.unit] = [variant, reason, config];
    }
    await assay.close();
    return { given, posts: road.posts().length };
  },

  async counts() {
    const seen = [];
    for (let page = 0; page < 3; page++) {
      const assay = client();
      await assay.ready();
      seen.push(assay.variant('checkout'), assay.variant('checkout'), assay.config('checkout', {}).colour);
      assay.variant('unknown');
      assay.track('buy', { metrics: { revenue: 12.5 }, eventId: 'order-1' });
      await assay.close();
    }
    const forced = client({ unit: 'boss' });
    await forced.ready();
    seen.push(forced.variant('checkout'));
    await forced.close();
    const types = road.posts().map((events) => events.map((event) => event.event_type));
    return { seen, types };
  },

  async dead() {
    const first = client();
    const before = [await first.ready(), first.variant('checkout')];
    await first.close();
    await road.cut();
    const second = client();
    const during = [await second.ready(), second.variant('checkout'), second.decide('checkout').reason];
    second.track('buy', { eventId: 'order-1' });
    const left = await second.close();
    const stranger = client({ storage: null });
    const without = [await stranger.ready(), stranger.variant('checkout'), stranger.config('checkout', 'plain')];
    await stranger.close();
    await road.open();
    const third = client();
    const after = [await third.ready(), await third.close()];
    const texts = road.posts().flat().map((event) => event.event_type);
    return { before, during, left, without, after, texts, kept: storage.get(`assay:${road.url}:events`), problems };
  },

  async waits() {
    const assay = client({ flushSeconds: 1_000 });
    await assay.ready();
    road.busy = 1;
    assay.track('buy');
    const answers = [await assay.flush(), await assay.flush()];
    travel(29_000);
    answers.push(await assay.flush());
    const asked = road.posts().length;
    travel(31_000);
    answers.push(await assay.flush());
    const ids = road.posts().map(([event]) => event.event_id);
    await assay.close();
    return { answers, asked, ids };
  },

  async asksOnlyForChanges() {
    const assay = client();
    await assay.ready();
    const fresh = [await assay.refresh(), await assay.refresh()];
    await assay.close();
    const again = client();
    fresh.push(await again.refresh());
    await again.close();
    return { fresh, seen: road.seen.map(({ tag, status }) => [tag !== null, status]) };
  },

  async keepsFresh() {
    const assay = client({ refreshSeconds: 0.05 });
    await assay.ready();
    const reasons = [assay.decide('checkout').reason];
    await fetch(`${upstream}/api/v1/experiments/checkout/pause`, { method: 'POST' });
    while (assay.decide('checkout').reason === 'assigned') await new Promise((resolve) => setTimeout(resolve, 10));
    reasons.push(assay.decide('checkout').reason);
    await assay.close();
    const asked = road.seen.length;
    await new Promise((resolve) => setTimeout(resolve, 200));
    return { reasons, afterwards: road.seen.length - asked };
  },

  async tooMany() {
    await road.cut();
    const assay = client({ flushSeconds: 1_000 });
    await assay.ready();
    for (let i = 0; i < 5_002; i++) assay.track('view', { properties: { i } });
    await assay.close();
    const kept = JSON.parse(storage.get(`assay:${road.url}:events`)).map((text) => JSON.parse(text).properties.i);
    const lost = problems.filter(([message]) => message === 'too many events: the oldest is lost').length;
    return { n: kept.length, first: kept[0], last: kept.at(-1), lost };
  },

  async batches() {
    const assay = client({ flushSeconds: 1_000 });
    await assay.ready();
    for (let i = 0; i < 250; i++) assay.track('view', { properties: { i } });
    await assay.close();
    const places = road.posts().flat().map((event) => event.properties.i);
    return { sizes: road.posts().map((events) => events.length), places, problems };
  },

  async refused() {
    const assay = client();
    await assay.ready();
    assay.track('');
    assay.track('buy', { experiments: ['nope'] });
    assay.track('buy', { metrics: { revenue: 'much' } });
    assay.track('buy', { eventId: 'good' });
    const isEmpty = await assay.flush();
    await assay.close();
    return { isEmpty, problems, posts: road.posts().length };
  },

  async wrongClock() {
    travel(86_400_000);
    const told = client();
    await told.ready();
    told.track('buy', { eventId: 'told' });
    await told.close();
    const untold = client({ fetch: async (...request) => withoutDate(await fetch(...request)) });
    await untold.ready();
    untold.track('buy', { eventId: 'untold' });
    await untold.close();
    return { problems, sent: road.posts().flat().map((event) => [event.event_id, 'timestamp' in event]) };
  },

  async neverThrows() {
    const circle = {};
    circle.circle = circle;
    const broken = () => {
      throw new Error('broken');
    };
    const shelf = { getItem: broken, setItem: broken };
    const answers = [];
    const page = async () => new Response('<html>');
    for (const more of [{ fetch: broken }, { fetch: page }, { storage: shelf }, { onError: broken, fetch: broken }]) {
      const assay = client({ attributes: circle, unit: 7, ...more });
      assay.track('buy', { properties: circle });
      assay.track('buy', { metrics: { n: 1n }, timestamp: 'never' });
      assay.track(undefined);
      answers.push([await assay.ready(), assay.variant('checkout'), assay.config(null, 'plain'), assay.decideAll()]);
      await assay.refresh();
      await assay.flush();
      await assay.close();
    }
    storage.set(`assay:${road.url}:snapshot`, '{"document": {"format": 99}}');
    storage.set(`assay:${road.url}:events`, '{"not": "a list"}');
    const assay = client();
    answers.push([await assay.ready(), assay.decide('checkout').reason]);
    await assay.close();
    new Assay();
    return answers;
  },

  async anonymous() {
    const units = [];
    for (const more of [{}, {}, { storage: null }]) {
      const assay = client({ unit: undefined, ...more });
      units.push(assay.unit);
      await assay.close();
    }
    return units;
  },
};

const withoutDate = (response) => {
  const headers = new Headers(response.headers);
  headers.delete('date');
  return new Response(response.status === 304 ? null : response.body, { status: response.status, headers });
};

console.log(JSON.stringify((await scenarios[name]()) ?? null));
if (road.server.listening) await road.cut();

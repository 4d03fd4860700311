// The vectors of spec/assignment asked of a module: what it answers otherwise, and how many cases there were.
// In Node by vectors.mjs, in a browser by test_browser.py.

export function check({ compile, conditionOf }, conditions, decisions) {
  const wrong = [];
  const expect = (answer, expected, why) => {
    if (JSON.stringify(answer) !== JSON.stringify(expected)) wrong.push({ answer, expected, why });
  };
  for (const { condition, attributes, now, matches, why } of conditions.cases) {
    expect(conditionOf(condition)(attributes, Date.parse(now ?? conditions.now)), matches, why);
  }
  const snapshot = compile(decisions.snapshot);
  for (const { experiment, unit, attributes, now, variant, reason, why } of decisions.cases) {
    const answer = snapshot.decide(experiment, unit, attributes, Date.parse(now));
    expect([answer.experiment, answer.variant, answer.reason], [String(experiment), variant, reason], why);
  }
  for (const { unit, attributes, now, all, why } of decisions.all) {
    const answers = snapshot.decideAll(unit, attributes, Date.parse(now));
    expect(answers.map((answer) => [answer.experiment, answer.variant]), Object.entries(all), why);
  }
  return { wrong, asked: [conditions.cases.length, decisions.cases.length, decisions.all.length] };
}

// A program on the TypeScript client that was generated from the server's document.
import { Configuration, ContractApi, ResponseError, ScoreApi } from "./client/index.js";

const [url, key, wrongKey] = process.argv.slice(2);
const asked = (accessToken: string) => new Configuration({ basePath: url, accessToken });
const created = new Date("1970-01-10T00:00:00Z");
const lead = {
  leadId: "L-1",
  createdAt: created,
  asOf: new Date("1970-02-01T00:00:00Z"),
  attributes: { country: "it", companySize: 40 },
  interactions: [{ occurredAt: new Date("1970-01-30T00:00:00Z"), kind: "price_question" }],
};
const early = { leadId: "L-2", createdAt: created, asOf: new Date("1970-01-09T00:00:00Z") };
const scores = new ScoreApi(asked(key));
const score = await scores.score({ lead, reasons: 2 });
const { results } = await scores.scoreBatch({ batch: { leads: [lead, early] } });
const [, second] = results;
const contract = await new ContractApi(asked(key)).showContract();
let refused: unknown = null;
try {
  await new ScoreApi(asked(wrongKey)).score({ lead });
} catch (error) {
  if (!(error instanceof ResponseError)) throw error;
  refused = [error.response.status, (await error.response.json()).code];
}
console.log(JSON.stringify({
  band: score.band,
  hot_probability: score.hotProbability,
  reasons: score.reasons.length,
  results: results.map((one) => one.result),
  code: second.result === "problem" ? second.errors[0].code : null,
  refused,
  contract: contract.version,
  kind: contract.names["attributes.company_size"].kind,
}));

// Every operation of the service's description, by a client of the types that openapi-typescript
// makes of it. The arguments are BASE TOKEN HOST_TOKEN; which operations were called is printed.

import createClient, { type Middleware } from "openapi-fetch";
import type { paths } from "described";

declare const process: { argv: string[]; exitCode: number };

const [base, token, hostToken] = process.argv.slice(2) as [string, string, string];
const called: string[] = [];
const note: Middleware = {
  onRequest: ({ request, schemaPath }) => { called.push(`${request.method.toLowerCase()} ${schemaPath}`); },
};

function clientWith(headers: Record<string, string>) {
  const made = createClient<paths>({ baseUrl: base, headers });
  made.use(note);
  return made;
}

// What an operation answered; an error of the service ends the script.
async function read<T>(answered: Promise<{ data?: T; error?: unknown; response: Response }>): Promise<T> {
  const { data, error, response } = await answered;
  if (error !== undefined) throw new Error(`${response.url} ${response.status} ${JSON.stringify(error)}`);
  return data as T;
}

function expect(holds: boolean, what: string) {
  if (!holds) throw new Error(`not so: ${what}`);
}

async function datadog() {
  const client = clientWith({ "DD-APPLICATION-KEY": token });
  const all = "/api/v2/widgets/{experience_type}", one = "/api/v2/widgets/{experience_type}/{uuid}";
  const favorite = "/api/v2/favorites/widgets/{uuid}";
  const path = { experience_type: "ccm_reports" } as const;
  const definition = { title: "Costs", type: "change" as const, requests: [] };
  const body = { data: { type: "widgets" as const, attributes: { definition, tags: ["a"] } } };
  const made = await read(client.POST(all, { params: { path }, body }));
  const it = { path: { ...path, uuid: made.data.id } };
  const got = await read(client.GET(one, { params: it }));
  expect(got.data.attributes.definition.title === "Costs", "the title is read back");
  await read(client.PUT(one, { params: it, body }));
  await read(client.PUT(favorite, { params: { path: { uuid: made.data.id } } }));
  const found = await read(client.GET(all, { params: { path, query: { "filter[isFavorited]": true } } }));
  expect(found.meta.filtered_total === 1, "the favourite is found");
  await read(client.DELETE(favorite, { params: { path: { uuid: made.data.id } } }));
  await read(client.DELETE(one, { params: it }));
}

async function spaceone() {
  const client = clientWith({ Authorization: `Bearer ${token}` });
  const domain = { domain_id: "domain-1" };
  const given = { widget_name: "cost", title: "Cost", options: { limit: 10 } };
  const root = "/dashboard/v1/custom-widget";
  const made = await read(client.POST(`${root}/create`, { body: { ...domain, ...given } }));
  const it = { ...domain, custom_widget_id: made.custom_widget_id ?? "" };
  const got = await read(client.POST(`${root}/get`, { body: it }));
  expect(got.title === "Cost", "the title is read back");
  await read(client.POST(`${root}/update`, { body: { ...it, title: "Costs" } }));
  const query = { filter: [{ k: "title", v: "Costs", o: "eq" }], page: { start: 1, limit: 5 } };
  const found = await read(client.POST(`${root}/list`, { body: { ...domain, query } }));
  expect(found.total_count === 1, "the widget is found");
  const distinct = await read(client.POST(`${root}/stat`, { body: { ...domain, query: { distinct: "title" } } }));
  expect(distinct.results?.length === 1, "there is one title");
  await read(client.POST(`${root}/delete`, { body: it }));
}

const DASHBOARDS = "/{collection}/{project}/{team}/_apis/dashboard/dashboards";
const DASHBOARD = `${DASHBOARDS}/{dashboardId}` as const;
const TEAM = { collection: "DefaultCollection", project: "Fabrikam", team: "Web" };

async function dashboards() {
  const client = clientWith({ Authorization: `Bearer ${token}` });
  const collection = { collection: TEAM.collection };
  await read(client.OPTIONS("/{collection}/_apis", { params: { path: collection } }));
  await read(client.OPTIONS("/{collection}/_apis/{area}", { params: { path: { ...collection, area: "Dashboard" } } }));
  const areas = await read(client.GET("/{collection}/_apis/ResourceAreas", { params: { path: collection } }));
  const areaId = areas.value[0]?.id ?? "";
  await read(client.GET("/{collection}/_apis/ResourceAreas/{areaId}", { params: { path: { ...collection, areaId } } }));
  const made = await read(client.POST(DASHBOARDS, { params: { path: TEAM }, body: { name: "Overview" } }));
  const project = { ...collection, project: TEAM.project };
  await read(client.GET("/{collection}/_apis/projects/{project}", { params: { path: project } }));
  await read(client.GET(DASHBOARDS, { params: { path: TEAM } }));
  const dashboardEntries = [{ id: made.id, name: "Renamed", dashboardScope: "project_Team" as const }];
  await read(client.PUT(DASHBOARDS, { params: { path: TEAM }, body: { dashboardEntries } }));
  const path = { ...TEAM, dashboardId: made.id };
  const got = await read(client.GET(DASHBOARD, { params: { path } }));
  expect(got.name === "Renamed", "the new name is read back");
  await read(client.PUT(DASHBOARD, { params: { path }, body: { name: "Replaced", eTag: got.eTag } }));
  await widgets(client, path);
  await read(client.DELETE(DASHBOARD, { params: { path } }));
}

async function widgets(client: ReturnType<typeof clientWith>, board: typeof TEAM & { dashboardId: string }) {
  const all = `${DASHBOARD}/widgets` as const, one = `${DASHBOARD}/widgets/{widgetId}` as const;
  const body = { name: "Notes", contributionId: "ms.Text" };
  const made = await read(client.POST(all, { params: { path: board }, body }));
  const path = { ...board, widgetId: made.id };
  await read(client.GET(one, { params: { path } }));
  const types = "/{collection}/{project}/{team}/_apis/dashboard/widgettypes" as const;
  const known = await read(client.GET(types, { params: { path: TEAM } }));
  const type = { ...TEAM, contributionId: known.widgetTypes[0]?.contributionId ?? "" };
  const kind = await read(client.GET(`${types}/{contributionId}`, { params: { path: type } }));
  expect(kind.widgetMetadata.contributionId === body.contributionId, "the type is that of the widget");
  const replaced = await read(client.PUT(one, { params: { path }, body: { ...body, eTag: made.eTag } }));
  const updated = await read(client.PATCH(one, { params: { path }, body: { name: "Other", eTag: replaced.eTag } }));
  const header = { ETag: updated.dashboard?.eTag ?? "" };
  const change = { id: made.id, eTag: updated.eTag, name: "Third" };
  const changed = await client.PATCH(all, { params: { path: board, header }, body: [change] });
  expect(changed.data?.value[0]?.name === "Third", "the list is changed");
  const now = { ETag: changed.response.headers.get("ETag") ?? "" };
  const kept = await read(client.PUT(all, { params: { path: board, header: now }, body: [body] }));
  const listed = await read(client.GET(all, { params: { path: board } }));
  expect(listed.count === 1 && listed.value[0]?.id === kept.value[0]?.id, "the list is replaced");
  const named = { path: { collection: board.collection }, query: { name: "note" } };
  const found = await read(client.GET("/{collection}/_apis/dashboard/widgets", { params: named }));
  expect(found.count === 1 && found.value[0]?.name === "Notes", "the widget is found by its name");
  const widgetId = kept.value[0]?.id ?? "";
  await read(client.DELETE(one, { params: { path: { ...board, widgetId } } }));
}

async function service() {
  const client = clientWith({ Authorization: `Bearer ${hostToken}` });
  expect((await read(client.GET("/healthz"))).status === "ok", "the service is alive");
  await read(client.GET("/livez"));
  expect((await read(client.GET("/readyz"))).status === "ready", "the service is ready");
  await read(client.GET("/metrics", { parseAs: "text" }));
  // There is no network: an address without a connector is refused before it is asked for.
  const query = { resource_url: "https://unknown.example/1" };
  const { error, response } = await client.GET("/widget", { params: { query } });
  expect(response.status === 404 && Boolean(error?.data.error), "the address is refused");
  const text = { query: query.resource_url };
  const refused = await client.POST("/attach", { body: { data: JSON.stringify(text) } });
  expect(refused.response.status === 404, "nothing is attached");
  const found = await read(client.GET("/typeahead", { params: { query: text } }));
  expect(found.items.length === 0, "nothing is found");
}

async function main() {
  for (const part of [datadog, spaceone, dashboards, service]) await part();
  console.log(JSON.stringify(called));
}

main().catch((error: unknown) => { console.error(error); process.exitCode = 1; });

"use strict";
// Every operation of Azure DevOps' dashboards and widgets, by a client of Microsoft's.

const CONTRIBUTION = "ms.vss-dashboards-web.Microsoft.VisualStudioOnline.Dashboards.MarkdownWidget";
const TEAM = { project: "Fabrikam", team: "Fabrikam Team" };
const SCOPED = { name: "Overview", description: "All", dashboardScope: 1 };

function widget(changes) {
  return {
    name: "Notes",
    position: { row: 1, column: 2 },
    size: { rowSpan: 2, columnSpan: 3 },
    settings: '{"text": "é"}',
    settingsVersion: { major: 1, minor: 0, patch: 0 },
    contributionId: CONTRIBUTION,
    ...changes,
  };
}

async function refusal(promise) {
  return promise.then(() => null, (error) => ({ status: error.statusCode ?? error.status, message: error.message }));
}

async function dashboards(api) {
  const made = await api.createDashboard(SCOPED, TEAM);
  const other = await api.createDashboard({ name: "Other" }, TEAM);
  const replaced = await api.replaceDashboard({ ...made, name: "Renamed" }, TEAM, made.id);
  const group = await api.replaceDashboards(
    { dashboardEntries: [{ ...other, position: 1 }, { ...replaced, position: 2 }] }, TEAM,
  );
  const listed = await api.getDashboardsByProject(TEAM);
  const ofProject = await api.getDashboardsByProject({ project: TEAM.project });
  await api.deleteDashboard(TEAM, other.id);
  const gone = await refusal(api.getDashboard(TEAM, other.id));
  return { made, replaced, group, listed, ofProject, gone, got: await api.getDashboard(TEAM, made.id) };
}

async function widgets(api, board) {
  const made = await api.createWidget(widget(), TEAM, board);
  const parent = { eTag: made.dashboard.eTag };
  const updated = await api.updateWidget(
    { name: "Updated", eTag: made.eTag, dashboard: parent }, TEAM, board, made.id,
  );
  const replaced = await api.replaceWidget(
    widget({ name: "Replaced", settings: null, eTag: updated.eTag }), TEAM, board, made.id,
  );
  const stale = await refusal(api.updateWidget({ name: "x", eTag: made.eTag }, TEAM, board, made.id));
  const got = await api.getWidget(TEAM, board, made.id);
  const types = await api.getWidgetTypes(1, TEAM.project);
  const type = await api.getWidgetMetadata(CONTRIBUTION, TEAM.project);
  const deleted = await api.deleteWidget(TEAM, board, made.id);
  const gone = await refusal(api.getWidget(TEAM, board, made.id));
  return { made, updated, replaced, stale, got, types, type, deleted, gone };
}

async function everything(api) {
  const ofDashboards = await dashboards(api);
  const ofWidgets = await widgets(api, ofDashboards.made.id);
  await api.deleteDashboard(TEAM, ofDashboards.made.id);
  return { dashboards: ofDashboards, widgets: ofWidgets };
}

// For Node: it finds the address of each resource itself, from that of a collection.
exports.node = async function (base, token) {
  const { WebApi, getPersonalAccessTokenHandler } = require("azure-devops-node-api");
  const connection = new WebApi(`${base}/tfs/DefaultCollection`, getPersonalAccessTokenHandler(token));
  const project = await (await connection.getCoreApi()).getProject(TEAM.project);
  const api = await connection.getDashboardApi();
  const byId = { projectId: project.id, team: TEAM.team };
  const made = await api.createDashboard({ name: "By name" }, TEAM);
  const listed = await api.getDashboardsByProject(byId);
  await api.deleteDashboard(byId, made.id);
  return { project, foundById: listed.map((each) => each.id === made.id), ...(await everything(api)) };
};

// For extensions, which run in a browser: its `self` is all that they miss here.
exports.extension = async function (base, token) {
  globalThis.self = globalThis;
  const { DashboardRestClient } = require("azure-devops-extension-api/Dashboard");
  const authorization = "Basic " + Buffer.from(`:${token}`).toString("base64");
  return everything(new DashboardRestClient({
    rootPath: `${base}/DefaultCollection/`,
    authTokenProvider: { getAuthorizationHeader: async () => authorization },
  }));
};

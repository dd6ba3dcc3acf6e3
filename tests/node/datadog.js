"use strict";
// Every operation of Datadog's saved widgets, by Datadog's client for TypeScript.

const WHERE = { experienceType: "ccm_reports" };

function body(title, tags) {
  const definition = {
    type: "cloud_cost_summary",
    title,
    requests: [{ queries: [{ name: "q", query: "sum:aws.cost{*}" }] }],
    graph_options: [{ type: "query_value", view: "total" }],
  };
  const { ObjectSerializer } = require("@datadog/datadog-api-client").v2;
  const sent = { data: { type: "widgets", attributes: { definition, tags } } };
  return ObjectSerializer.deserialize(sent, "CreateOrUpdateWidgetRequest");
}

exports.typescript = async function (base, token) {
  const { client, v2 } = require("@datadog/datadog-api-client");
  const configuration = client.createConfiguration({
    baseServer: new client.BaseServerConfiguration(base, {}),
    authMethods: { apiKeyAuth: "unused", appKeyAuth: token },
  });
  const api = new v2.WidgetsApi(configuration);
  const made = await api.createWidget({ ...WHERE, body: body("Spend", ["team:a"]) });
  const one = { ...WHERE, uuid: made.data.id };
  const got = await api.getWidget(one);
  const updated = await api.updateWidget({ ...one, body: body("Spend of İstanbul", ["team:b", " c"]) });
  const filters = { filterTitle: "i̇stanbul", filterTags: "[team:b, c]", filterIsFavorited: false };
  const found = await api.searchWidgets({ ...WHERE, ...filters, sort: "-title", pageSize: 5, pageNumber: 0 });
  await api.deleteWidget(one);
  const gone = await api.getWidget(one).then(() => null, (error) => ({ status: error.code, body: error.body }));
  return { made, got, updated, found, gone };
};

// Drives a simulated Genesys Cloud through every endpoint with the platform's own SDK.
//
//     node drive.mjs http://127.0.0.1:8300
//
// Prints one line of JSON, and ends with 0 only if every call was answered as expected.

import assert from "node:assert/strict";
import platform from "purecloud-platform-client-v2";

const base = new URL(process.argv[2]);
const client = platform.ApiClient.instance;
client.setGateway({ host: base.hostname, protocol: "http", port: Number(base.port) });
await client.loginClientCredentialsGrant("simulated-client", "simulated-secret");

const conversations = new platform.ConversationsApi();
const analytics = new platform.AnalyticsApi();
const notifications = new platform.NotificationsApi();
const tokens = new platform.TokensApi();
const authorization = new platform.AuthorizationApi();
const users = new platform.UsersApi();
const routing = new platform.RoutingApi();

async function wait(milliseconds) {
  const body = JSON.stringify({ advance_ms: milliseconds });
  assert.ok((await fetch(new URL("/sim/clock", base), { method: "POST", body })).ok);
}

async function refused(status, code, call) {
  // The SDK rejects with the body.
  const error = await call().then(
    () => assert.fail(`not refused: ${call}`),
    (error) => error,
  );
  assert.equal(error.status, status, String(call));
  assert.equal(error.code, code, String(call));
}

const named = (list) => Object.fromEntries(list.entities.map((one) => [one.name, one.id]));
await tokens.getTokensMe();
// This SDK cannot ask for the permissions of roles.
const { grants } = await authorization.getAuthorizationSubjectsMe();
assert.equal(grants[0].role.name, "Simulated");
const people = named(await users.getUsers({ pageSize: 100 }));
await users.getUser(people.Ann);
await refused(400, "not.a.user", () => users.getUsersMe());
const queues = named(await routing.getRoutingQueues({ pageSize: 100 }));
await routing.getRoutingQueue(queues.billing);

await notifications.getNotificationsAvailabletopics({ expand: ["description"] });
const channel = await notifications.postNotificationsChannels();
assert.match(channel.connectUri, /^ws:\/\/127\.0\.0\.1:\d+\/channels\//);
await notifications.getNotificationsChannels();
await notifications.headNotificationsChannel(channel.id);
const topics = [{ id: `v2.routing.queues.${queues.billing}.conversations` }];
await notifications.postNotificationsChannelSubscriptions(channel.id, topics);
await notifications.putNotificationsChannelSubscriptions(channel.id, topics);
const listed = await notifications.getNotificationsChannelSubscriptions(channel.id);
assert.deepEqual(listed.entities.map((one) => one.id), [topics[0].id]);
await notifications.deleteNotificationsChannelSubscriptions(channel.id);

const phoneNumber = "+493023125111";
const number = "+493023125999";

// A call that Ann has placed and that was answered.
async function placed() {
  const body = { phoneNumber, uuiData: "00-aa", attributes: { traceparent: "00-aa" } };
  const { id } = await conversations.postConversationsCallsUserUserId(people.Ann, body);
  await wait(15_000);
  const { participants } = await conversations.getConversation(id);
  const agent = participants.find((one) => one.purpose === "agent");
  return [id, agent.id, agent.calls[0].id];
}

await refused(400, "not.a.user", () => conversations.postConversationsCalls({ phoneNumber }));
await refused(400, "not.a.user", () => conversations.getConversations());
await refused(400, "not.a.user", () => conversations.getConversationsCalls());
const to = { participantAddress: "tel:+6598765432", customHeaders: { traceparent: "00-aa" } };
await conversations.postConversationsCalls({ to, from: { participantAddress: "tel:+6512345678" } });
to.participantAddress += ";traceparent=00-aa";
await refused(400, "invalid.value", () => conversations.postConversationsCalls({ to, from: to }));

{
  const [call, agent, leg] = await placed();
  const body = { attributes: { traceparent: "00-bb" } };
  await conversations.patchConversationParticipantAttributes(call, agent, body);
  await conversations.patchConversationsCallParticipantAttributes(call, agent, body);
  await conversations.putConversationsCallParticipantCommunicationUuidata(call, agent, leg, { uuiData: "00-cc" });
  await conversations.getConversationsCall(call);
  await conversations.postConversationDisconnect(call);
}
{
  const [call, agent] = await placed();
  await conversations.patchConversationsCallParticipant(call, agent, { state: "disconnected" });
}

for (const [transfer, body] of [
  ["postConversationsCallParticipantReplace", { userId: people.Bob }],
  ["postConversationParticipantReplace", { queueId: queues.technical }],
  ["postConversationParticipantReplaceAgent", { userId: people.Bob }],
  ["postConversationParticipantReplaceQueue", { queueId: queues.technical }],
  ["postConversationParticipantReplaceExternal", { address: number }],
  ["postConversationParticipantTransfer", { address: number }],
]) {
  const [call, agent] = await placed();
  await conversations[transfer](call, agent, body);
  await wait(9000);
  const { participants } = await conversations.getConversation(call);
  assert.equal(participants.find((one) => one.id === agent).calls[0].disconnectType, "transfer", transfer);
}

// Client credentials belong to nobody: each request says who wants to talk.
const ann = { consultingUserId: people.Ann };
for (const [consult, body] of [
  ["postConversationsCallParticipantConsult", { destination: { userId: people.Cleo } }],
  ["postConversationsCallParticipantConsultAgent", { userId: people.Cleo }],
  ["postConversationsCallParticipantConsultQueue", { queueId: queues.technical }],
  ["postConversationsCallParticipantConsultExternal", { destination: { address: number } }],
  ["postConversationsCallParticipantVoiceConsult", { address: number }],
]) {
  const [call, agent] = await placed();
  await refused(400, "not.a.user", () => conversations[consult](call, agent, body));
  const { destinationParticipantId } = await conversations[consult](call, agent, { ...body, ...ann });
  await wait(9000);
  const { participants } = await conversations.getConversation(call);
  assert.ok(participants.some((one) => one.id === destinationParticipantId), consult);
  await conversations.patchConversationsCallParticipantConsult(call, agent, { speakTo: "BOTH" });
}
{
  const [call, agent] = await placed();
  await conversations.postConversationsCallParticipantConsultAgent(call, agent, { userId: people.Cleo, ...ann });
  await wait(9000);
  await conversations.deleteConversationsCallParticipantConsult(call, agent);
}

const interval = "2026-03-01T00:00:00.000Z/2026-03-02T00:00:00.000Z";
const found = await analytics.postAnalyticsConversationsDetailsQuery({ interval, paging: { pageSize: 100, pageNumber: 1 } });
const ids = found.conversations.map((one) => one.conversationId);
const several = await analytics.getAnalyticsConversationsDetails({ id: ids.slice(0, 3) });
assert.equal(several.conversations.length, 3);
await analytics.getAnalyticsConversationDetails(ids[0]);
const { jobId } = await analytics.postAnalyticsConversationsDetailsJobs({ interval });
await analytics.getAnalyticsConversationsDetailsJobsAvailability();
await wait(3000);
assert.equal((await analytics.getAnalyticsConversationsDetailsJob(jobId)).state, "FULFILLED");
await analytics.getAnalyticsConversationsDetailsJobResults(jobId, { pageSize: 10 });
await analytics.deleteAnalyticsConversationsDetailsJob(jobId);

await tokens.headTokensMe();
await tokens.deleteTokensMe();
await refused(401, "bad.credentials", () => tokens.getTokensMe());
console.log(JSON.stringify({ done: true }));
// The SDK watches a configuration file and would not end by itself.
process.exit(0);

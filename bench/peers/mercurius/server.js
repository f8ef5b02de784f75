// The same graph by Mercurius with graphql-jit: each case's messages fetched once, each account once a request.
import Fastify from "fastify";
import mercurius from "mercurius";
import { Pool } from "undici";

const hub = new URL(process.env.HUB_URL);
const thulium = new URL(process.env.THULIUM_URL);
const pool = new Pool(hub.origin, { connections: 128 });

const schema = `
  type Word { raw: String }
  type Body { text: String! }
  type Account { id: ID! name: String email: String }
  type Author { role: String! account: Account }
  type Message {
    id: ID! createdAt: String declaredAt: String confirmedAt: String externalId: String
    kind: Word body: Body author: Author
  }
  type Messages { nodes: [Message!]! }
  interface Conversation { id: ID! number: Int subject: String status: Word lastMessage: Message }
  type Case implements Conversation {
    id: ID! number: Int subject: String status: Word lastMessage: Message
    guid: ID! createdAt: String messages(first: Int = 20): Messages
  }
  type Ticket implements Conversation {
    id: ID! number: Int subject: String status: Word lastMessage: Message
    requester: Account
  }
  type Cases { nodes: [Case!]! }
  type Tickets { nodes: [Ticket!]! }
  type Conversations { nodes: [Conversation!]! }
  input CaseFilter { guids: [ID!]! }
  input TicketFilter { queue: String! }
  type Query {
    case(guid: ID!): Case
    cases(filter: CaseFilter!, first: Int = 20): Cases
    tickets(filter: TicketFilter!, first: Int = 20): Tickets
    conversations(first: Int = 20): Conversations
  }
`;

async function get(path) {
  const { statusCode, body } = await pool.request({ path, method: "GET" });
  if (statusCode !== 200) throw new Error(`${path}: ${statusCode}`);
  return body.json();
}

const fetchCase = async (guid) => caseOf((await get(`${hub.pathname}/v3/case?guid=${guid}`)).data);
const fetchMessages = (guid) => get(`${hub.pathname}/v3/case-messages?guid=${guid}`);
const fetchTickets = async (query) => (await get(`${thulium.pathname}/tickets?${query}`)).result;

async function newestCases(limit) {
  const { statusCode, body } = await pool.request({
    path: `${hub.pathname}/v3/search-cases`,
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ filters: {}, pagination: { offset: 0, limit } }),
  });
  if (statusCode !== 200) throw new Error(`search-cases: ${statusCode}`);
  return (await body.json()).data;
}

const PATHS = { CUSTOMER: "customers", AGENT: "agents" };

function account(context, kind, nativeId) {
  const id = `${kind}:${nativeId}`;
  let found = context.accounts.get(id);
  if (found === undefined) {
    found = get(`${thulium.pathname}/${PATHS[kind]}/${nativeId}`).then((row) => ({
      id,
      name: [row.name, row.surname].filter(Boolean).join(" ") || null,
      email: row.email || null,
    }));
    context.accounts.set(id, found);
  }
  return found;
}

function inOrder(rows) {
  return rows.sort((a, b) => (a.createdAt < b.createdAt ? -1 : a.createdAt > b.createdAt ? 1 : a.id - b.id));
}

function caseOf(row) {
  const product = row.productData ?? {};
  const head = [row.manufacturer?.name, product.model].filter(Boolean).join(" ");
  return {
    __typename: "Case",
    id: row.guid,
    guid: row.guid,
    number: row.id,
    subject: [head, product.problemText].filter(Boolean).join(": ") || null,
    status: row.currentStatus ? { raw: row.currentStatus } : null,
    createdAt: row.createdAt,
  };
}

function caseMessage(row) {
  return {
    id: `${row.guid}:${row.id}`,
    createdAt: row.createdAt,
    declaredAt: row.declaredAt,
    confirmedAt: row.confirmedAt,
    externalId: row.externalId,
    kind: { raw: row.type },
    body: row.content === null ? null : { text: row.content },
    author: { role: (row.senderType ?? "unknown").toUpperCase() },
  };
}

function ticketOf(row) {
  return {
    __typename: "Ticket",
    id: String(row.ticket_id),
    number: row.ticket_id,
    subject: row.subject || null,
    status: { raw: row.full_status_name },
    customerId: row.customer_id,
  };
}

function ticketMessage(ticket, row) {
  const mail = row.type === "MAIL";
  return {
    id: `${ticket.ticket_id}:${row.message_id}`,
    createdAt: row.created_at,
    kind: { raw: row.type },
    body: row.body ? { text: row.body } : null,
    author: {
      role: mail ? "CUSTOMER" : "AGENT",
      accountKey: mail ? ["CUSTOMER", ticket.customer_id] : ["AGENT", row.user_login],
    },
  };
}

const resolvers = {
  Query: {
    case: (_, { guid }) => fetchCase(guid),
    cases: async (_, { filter, first }) => ({
      nodes: await Promise.all(filter.guids.slice(0, first).map(fetchCase)),
    }),
    tickets: async (_, { filter, first }) => ({
      nodes: (await fetchTickets(`limit=${first}&offset=0&ticket_queue_id=${filter.queue}`)).map(ticketOf),
    }),
    conversations: async (_, { first }) => {
      const [cases, tickets] = await Promise.all([newestCases(first), fetchTickets(`limit=${first}&offset=0`)]);
      const found = cases.map((row) => [row.createdAt.replace("T", " "), caseOf(row)]);
      for (const row of tickets) found.push([row.updated_at, ticketOf(row)]);
      found.sort((a, b) => (a[0] < b[0] ? 1 : -1));
      return { nodes: found.slice(0, first).map((each) => each[1]) };
    },
  },
  Case: {
    messages: async ({ guid }, { first }) => ({
      nodes: inOrder(await fetchMessages(guid)).slice(0, first).map(caseMessage),
    }),
    lastMessage: async ({ guid }) => {
      const rows = inOrder(await fetchMessages(guid));
      return rows.length ? caseMessage(rows.at(-1)) : null;
    },
  },
  Ticket: {
    requester: ({ customerId }, _, context) => (customerId ? account(context, "CUSTOMER", customerId) : null),
    lastMessage: async ({ id }) => {
      const ticket = await get(`${thulium.pathname}/tickets/${id}`);
      const rows = ticket.messages.sort((a, b) =>
        a.created_at < b.created_at ? -1 : a.created_at > b.created_at ? 1 : a.message_id - b.message_id);
      return rows.length ? ticketMessage(ticket, rows.at(-1)) : null;
    },
  },
  Author: {
    account: ({ accountKey }, _, context) => (accountKey ? account(context, ...accountKey) : null),
  },
  Conversation: { resolveType: (node) => node.__typename },
};

const app = Fastify({ logger: false });
app.register(mercurius, { schema, resolvers, jit: 1, context: () => ({ accounts: new Map() }) });
await app.listen({ host: "127.0.0.1", port: Number(process.env.PORT) });

// A certified OpenID provider in the manner of a Cognito user pool: its issuer's path, its claims,
// its /logout. `node server.mjs PORT SETTINGS` where SETTINGS is JSON:
//   clients: [{id, secret?, redirect_uri, logout_uri}], people: {sub: claims}, ttl?: seconds
// Besides, PUT /admin/rotate replaces the signing key and PUT /admin/people/SUB a person's claims.
import { generateKeyPairSync, randomUUID } from "node:crypto";
import { createServer } from "node:http";

import { Provider } from "oidc-provider";

const [port, given] = [Number(process.argv[2]), JSON.parse(process.argv[3])];
const pool = "/eu-west-1_TestPool1";
const issuer = `http://127.0.0.1:${port}${pool}`;
const people = new Map(Object.entries(given.people));
const claims = [
  "sub", "email", "email_verified", "given_name", "family_name",
  "token_use", "custom:organisation_id", "custom:role", "cognito:groups",
];
const stored = new Map(); // survives a rotation, so that who is signed in stays so

class Memory {
  constructor(kind) { this.kind = kind; }
  key(id) { return `${this.kind}:${id}`; }
  async upsert(id, payload) { stored.set(this.key(id), payload); }
  async find(id) { return stored.get(this.key(id)); }
  async findByUid(uid) { return [...stored].find(([key, row]) => key.startsWith(`${this.kind}:`) && row.uid === uid)?.[1]; }
  async consume(id) { stored.get(this.key(id)).consumed = Math.floor(Date.now() / 1000); }
  async destroy(id) { stored.delete(this.key(id)); }
  async revokeByGrantId(grant) { for (const [key, row] of stored) if (row.grantId === grant) stored.delete(key); }
}

function freshKey() {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  return { ...privateKey.export({ format: "jwk" }), kid: randomUUID(), alg: "RS256", use: "sig" };
}

function client({ id, secret, redirect_uri, logout_uri }) {
  return {
    client_id: id,
    ...(secret ? { client_secret: secret } : { token_endpoint_auth_method: "none" }),
    redirect_uris: [redirect_uri],
    post_logout_redirect_uris: [logout_uri],
  };
}

const cookieKeys = [randomUUID()];

function provider() {
  const made = new Provider(issuer, {
    adapter: Memory,
    clients: given.clients.map(client),
    jwks: { keys: [freshKey()] },
    cookies: { keys: cookieKeys },
    pkce: { required: () => true },
    conformIdTokenClaims: false, // like Cognito, the ID token carries the person's claims
    claims: { openid: claims, email: [], profile: [] },
    findAccount: (_, sub) => people.has(sub) && { accountId: sub, claims: () => ({ sub, ...people.get(sub) }) },
    ttl: { IdToken: given.ttl ?? 3600, AccessToken: 3600, AuthorizationCode: 60, Interaction: 600, Session: 3600, Grant: 3600 },
    clockTolerance: 5,
    routes: {
      authorization: "/oauth2/authorize", token: "/oauth2/token", jwks: "/.well-known/jwks.json",
      userinfo: "/oauth2/userInfo", end_session: "/logout",
    },
    interactions: { url: (_, interaction) => `${pool}/interaction/${interaction.uid}` },
    features: { devInteractions: { enabled: false } },
    loadExistingGrant: async (ctx) => {
      const grant = new ctx.oidc.provider.Grant({ clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId });
      grant.addOIDCScope("openid email profile");
      await grant.save();
      return grant;
    },
  });
  made.on("server_error", (_, error) => console.error(error));
  return made;
}

let current = provider();
let answer = current.callback();

const form = `<!doctype html><title>Provider</title><form method="post">
<label>Subject <input name="sub" autofocus></label>
<button name="do" value="sign in">Sign in</button> <button name="do" value="deny">Deny</button></form>`;

async function body(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts).toString();
}

async function interact(request, response) {
  if (request.method === "GET") return response.setHeader("Content-Type", "text/html").end(form);
  const asked = new URLSearchParams(await body(request));
  const result = asked.get("do") === "deny"
    ? { error: "access_denied", error_description: "The person said no" }
    : { login: { accountId: asked.get("sub") } };
  return current.interactionFinished(request, response, result);
}

// https://docs.aws.amazon.com/cognito/latest/developerguide/logout-endpoint.html
function leave(response, asked) {
  const known = given.clients.find((each) => each.id === asked.get("client_id"));
  if (known?.logout_uri !== asked.get("logout_uri")) return response.writeHead(400).end("unknown client or logout_uri");
  for (const key of stored.keys()) if (key.startsWith("Session:")) stored.delete(key);
  return response.writeHead(302, { Location: known.logout_uri }).end();
}

async function administer(request, response, path) {
  if (path === "/admin/rotate") {
    current = provider();
    answer = current.callback();
  } else people.set(decodeURIComponent(path.split("/").pop()), JSON.parse(await body(request)));
  return response.writeHead(204).end();
}

createServer(async (request, response) => {
  try {
    const { pathname, searchParams } = new URL(request.url, issuer);
    if (pathname.startsWith("/admin/")) await administer(request, response, pathname);
    else if (searchParams.has("logout_uri")) leave(response, searchParams);
    else if (pathname.startsWith(`${pool}/interaction/`)) await interact(request, response);
    else {
      request.originalUrl = request.url; // Koa makes the addresses of discovery from it
      request.url = request.url.replace(pool, "") || "/";
      answer(request, response);
    }
  } catch (error) {
    console.error(error);
    response.writeHead(500).end(String(error));
  }
}).listen(port, "127.0.0.1", () => console.log(`ready ${issuer}`));

// An OAuth server of somebody else's, oidc-provider, whose refresh tokens work once: one that comes again ends the whole
// grant. Its clients send their secret as Zoom's apps do, and as PagerDuty's. Usage: node oidc.mjs PORT
import Provider from "oidc-provider";

const port = process.argv[2];
const client = (id, method) => ({
  client_id: id,
  client_secret: `secret-of-${id}`,
  token_endpoint_auth_method: method,
  grant_types: ["authorization_code", "refresh_token"],
  response_types: ["code"],
  redirect_uris: ["https://app.example.com/callback"],
});

new Provider(`http://127.0.0.1:${port}`, {
  clients: [client("zoom", "client_secret_basic"), client("pagerduty", "client_secret_post")],
  routes: { authorization: "/authorize" },
  pkce: { required: () => true },
  rotateRefreshToken: true,
  issueRefreshToken: () => true,
  cookies: { keys: ["a key for tests"] },
  ttl: { AccessToken: 3600, RefreshToken: 3600, Grant: 3600, Session: 3600, Interaction: 600, AuthorizationCode: 60 },
}).listen(port, "127.0.0.1");

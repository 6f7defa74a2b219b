// A provider that honours prompt and max_age: node oidc_provider.mjs <folder of node_modules> <redirect>
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [folder, redirect] = process.argv.slice(2);
const found = createRequire(`${folder}/`).resolve("oidc-provider");
const { Provider } = await import(pathToFileURL(found).href);
const server = createServer();
server.listen(0, "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    acrValues: ["mfa"],
    claims: { acr: null, amr: null, auth_time: null, openid: ["sub"] },
    clients: [
      { client_id: "desk", client_secret: "a-client-secret-for-tests", redirect_uris: [redirect] },
    ],
    cookies: { keys: ["a key for tests"] },
    findAccount: (_ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  });
  server.on("request", provider.callback());
  process.stdout.write(`${issuer}\n`);
});
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));

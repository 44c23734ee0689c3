// Forms marked data-passkey="create" or "get": they are sent once for what the device is to sign, the device signs, and
// they are sent again with that in their hidden field "credential".
const toBytes = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
const toText = (bytes) =>
  btoa(String.fromCharCode(...new Uint8Array(bytes))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const withBytes = (listed) => (listed ?? []).map((each) => ({ ...each, id: toBytes(each.id) }));

async function answerOf(kind, options) {
  const asked = { ...options, challenge: toBytes(options.challenge) };
  if (kind === "create") {
    asked.user = { ...options.user, id: toBytes(options.user.id) };
    asked.excludeCredentials = withBytes(options.excludeCredentials);
  } else {
    asked.allowCredentials = withBytes(options.allowCredentials);
  }
  const made = await navigator.credentials[kind]({ publicKey: asked });
  const response = {};
  for (const part of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"])
    if (made.response[part]) response[part] = toText(made.response[part]);
  return JSON.stringify({ id: made.id, rawId: toText(made.rawId), type: made.type, response });
}

export function startPasskeys(on, rest) {
  document.querySelectorAll("[data-passkey-offer]").forEach((part) => (part.hidden = !window.PublicKeyCredential));
  on("submit", "form[data-passkey]", async (e, form) => {
    e.preventDefault();
    const failed = form.querySelector("[data-passkey-failed]");
    failed.hidden = true;
    try {
      const asked = await fetch(form.action, { method: "POST", body: new FormData(form) });
      if (!asked.headers.get("Content-Type")?.startsWith("application/json")) return form.submit(); // a refusal: shown
      form.elements.credential.value = await answerOf(form.dataset.passkey, await asked.json());
      form.submit();
    } catch {
      failed.hidden = false;
      setTimeout(() => rest(form, false));
    }
  });
}

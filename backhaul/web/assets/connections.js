// A package is sold for the connection types of its plan: others are not offered beside it.
function narrow(packages) {
  const types = packages.form.elements.connection_type;
  const sold = JSON.parse(packages.dataset.connections)[packages.value];
  const offered = [...types.options].filter((option) => {
    option.hidden = option.disabled = Boolean(sold) && !sold.includes(option.value);
    return !option.disabled;
  });
  if (types.selectedOptions[0]?.disabled) types.value = offered[0].value;
}

export function startConnections(on) {
  on("change", "select[data-connections]", (e, packages) => narrow(packages));
  const all = (part) => part.querySelectorAll("select[data-connections]").forEach(narrow);
  document.addEventListener("htmx:load", (e) => all(e.detail.elt)); // what opens in the panel
  all(document);
}

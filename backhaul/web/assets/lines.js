// An entry by hand: what its debits and credits come to while they are typed. The server adds them up again.
const AMOUNT = /^(\d+|\d{1,3}(,\d{2,3})*,\d{3})(\.\d{1,3})?$/;
const LATIN = { "০": 0, "১": 1, "২": 2, "৩": 3, "৪": 4, "৫": 5, "৬": 6, "৭": 7, "৮": 8, "৯": 9 };

function minor(input, decimals) {
  const typed = input.value.trim().replace(/[০-৯]/g, (digit) => LATIN[digit]);
  if (!AMOUNT.test(typed)) return 0n;
  const [whole, part = ""] = typed.replaceAll(",", "").split(".");
  return BigInt(whole + part.slice(0, decimals).padEnd(decimals, "0"));
}

const BANGLA = Object.keys(LATIN);
export const inReadersDigits = (text) =>
  document.documentElement.lang.startsWith("bn") ? text.replace(/\d/g, (digit) => BANGLA[digit]) : text;

function written(amount, decimals) {
  const digits = String(amount < 0n ? -amount : amount).padStart(decimals + 1, "0");
  const whole = digits.slice(0, digits.length - decimals).replace(/\B(?=(\d{3})+$)/g, ",");
  return inReadersDigits((amount < 0n ? "−" : "") + whole + (decimals ? `.${digits.slice(-decimals)}` : ""));
}

function addUp(form) {
  const inputs = [...form.querySelectorAll("input[data-side]")];
  const decimals = Number(inputs[0].dataset.money);
  const sum = (side) =>
    inputs.filter((input) => input.dataset.side === side).reduce((total, input) => total + minor(input, decimals), 0n);
  const debit = sum("debit");
  const credit = sum("credit");
  form.querySelector('[data-total="debit"]').textContent = written(debit, decimals);
  form.querySelector('[data-total="credit"]').textContent = written(credit, decimals);
  const difference = form.querySelector("[data-difference]");
  difference.textContent = written(debit - credit, decimals);
  difference.classList.toggle("bh-bad", debit !== credit);
  difference.classList.toggle("bh-good", debit === credit && debit > 0n);
}

export function startLines(on) {
  on("input", "form[data-lines] input[data-side]", (e, input) => addUp(input.form));
  document.querySelectorAll("form[data-lines]").forEach(addUp);
}

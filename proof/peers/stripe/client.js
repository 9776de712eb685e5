// Stripe's own client goes through every flow against our simulator, and checks its signature. Writes a report to standard
// output: what it did, and what did not fit.
"use strict";

const Stripe = require("stripe");

const { hostname, port } = new URL(process.env.STRIPE_API_URL);
const options = { host: hostname, port, protocol: "http", maxNetworkRetries: 0, telemetry: false };
const stripe = new Stripe(process.env.STRIPE_SECRET_KEY, options);
const report = { done: [], misfits: [], header: "" };

async function step(name, work) {
  try {
    const fits = await work();
    report.done.push(name);
    if (!fits) report.misfits.push(`${name}: not as expected`);
  } catch (error) {
    report.misfits.push(`${name}: ${error.type ?? error.name} ${error.code ?? ""} ${error.message}`);
  }
}

async function refused(work, type, code) {
  try {
    await work();
    return false;
  } catch (error) {
    if (error.type !== type || error.code !== code) throw error;
    return true;
  }
}

async function press(page, act, more = {}) {
  const answer = await fetch(page, { method: "POST", body: new URLSearchParams({ act, ...more }), redirect: "manual" });
  return answer.status === 303 || answer.status === 302;
}

async function main() {
  let customer, session, subscription;
  await step("customers.create", async () => {
    const key = { idempotencyKey: "customer-ten_1" };
    customer = await stripe.customers.create({ metadata: { tenant_id: "ten_1" } }, key);
    const again = await stripe.customers.create({ metadata: { tenant_id: "ten_1" } }, key);
    return customer.id === again.id && customer.metadata.tenant_id === "ten_1";
  });
  await step("an idempotency key with other parameters", () =>
    refused(() => stripe.customers.create({ name: "other" }, { idempotencyKey: "customer-ten_1" }), "StripeInvalidRequestError", "idempotency_key_in_use"));
  await step("customers.update", async () => (await stripe.customers.update(customer.id, { name: "Acme & Söhne" })).name === "Acme & Söhne");
  await step("customers.retrieve", async () => (await stripe.customers.retrieve(customer.id)).name === "Acme & Söhne");
  await step("customers.retrieve of none", () =>
    refused(() => stripe.customers.retrieve("cus_none"), "StripeInvalidRequestError", "resource_missing"));
  await step("prices.retrieve", async () => (await stripe.prices.retrieve("price_pro")).recurring.interval === "month");
  await step("a quantity of what is metered", () =>
    refused(() => stripe.checkout.sessions.create({
      mode: "subscription", customer: customer.id, success_url: "http://localhost/ok",
      line_items: [{ price: "price_answers", quantity: 1 }],
    }), "StripeInvalidRequestError", "parameter_invalid"));
  await step("checkout.sessions.create", async () => {
    session = await stripe.checkout.sessions.create({
      mode: "subscription", customer: customer.id, client_reference_id: "ten_1",
      line_items: [{ price: "price_pro", quantity: 1 }, { price: "price_answers" }],
      subscription_data: { metadata: { tenant_id: "ten_1" } },
      success_url: "http://localhost/billing?cs={CHECKOUT_SESSION_ID}", cancel_url: "http://localhost/billing",
    });
    return session.status === "open" && session.payment_status === "unpaid" && !("_prices" in session);
  });
  await step("the page of Checkout", async () => {
    const shown = await (await fetch(session.url)).text();
    return shown.includes("price_pro") && await press(session.url, "pay");
  });
  await step("checkout.sessions.retrieve", async () => (await stripe.checkout.sessions.retrieve(session.id)).payment_status === "paid");
  await step("subscriptions.list", async () => {
    const list = await stripe.subscriptions.list({ customer: customer.id, status: "all", expand: ["data.latest_invoice"] });
    [subscription] = list.data;
    return list.data.length === 1 && subscription.status === "active" && subscription.latest_invoice.status === "paid" &&
      subscription.items.data[0].current_period_end > subscription.created && subscription.metadata.tenant_id === "ten_1";
  });
  await step("subscriptions.update to another price", async () => {
    const items = [{ id: subscription.items.data[0].id, price: "price_starter" }];
    return (await stripe.subscriptions.update(subscription.id, { items })).items.data[0].price.id === "price_starter";
  });
  await step("subscriptions.update to end", async () => (await stripe.subscriptions.update(subscription.id, { cancel_at_period_end: true })).cancel_at > 0);
  await step("subscriptions.update to go on", async () => (await stripe.subscriptions.update(subscription.id, { cancel_at_period_end: false })).cancel_at === null);
  await step("billingPortal.sessions.create", async () => {
    const portal = await stripe.billingPortal.sessions.create({ customer: customer.id, return_url: "http://localhost/billing" });
    return (await (await fetch(portal.url)).text()).includes("price_starter") &&
      await press(portal.url, "fail", { subscription: subscription.id });
  });
  await step("invoices.list and the page of an invoice", async () => {
    const open = (await stripe.invoices.list({ customer: customer.id, status: "open" })).data;
    const pressed = await press(open[0].hosted_invoice_url, "pay");
    return open.length === 1 && pressed && (await stripe.invoices.retrieve(open[0].id)).status === "paid";
  });
  await step("subscriptions.retrieve", async () => (await stripe.subscriptions.retrieve(subscription.id)).status === "active");
  const count = (identifier) => stripe.billing.meterEvents.create({
    event_name: "answers", identifier, payload: { stripe_customer_id: customer.id, value: "25" },
  });
  await step("billing.meterEvents.create", async () => (await count("answers_ten_1_2026-11-26")).payload.value === "25");
  await step("the same fact once more", () => refused(() => count("answers_ten_1_2026-11-26"), "StripeInvalidRequestError", "duplicate_meter_event"));
  await step("subscriptions.cancel", async () => (await stripe.subscriptions.cancel(subscription.id)).status === "canceled");
  await step("subscriptions.list of those that go on", async () => (await stripe.subscriptions.list({ customer: customer.id })).data.length === 0);
  await step("customers.del", async () => (await stripe.customers.del(customer.id)).deleted === true);
  await step("another key", async () => {
    const stranger = new Stripe("sk_test_stranger", options);
    return refused(() => stranger.customers.retrieve(customer.id), "StripeAuthenticationError", "api_key_invalid");
  });
  await step("webhooks.constructEvent", async () => {
    const event = stripe.webhooks.constructEvent(process.env.EVENT, process.env.SIGNATURE, process.env.WEBHOOK_SECRET);
    return event.type === "invoice.paid";
  });
  const timestamp = Number(process.env.NOW);
  report.header = stripe.webhooks.generateTestHeaderString({ payload: process.env.EVENT, secret: process.env.WEBHOOK_SECRET, timestamp });
}

main().then(() => process.stdout.write(JSON.stringify(report)));

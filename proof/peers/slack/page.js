// The simulator's page in a real browser: a person writes, reads, edits and deletes; hostile text stays text.
//
// Prints one line of JSON: what was seen, and what should never happen. `tests/peers/page.rs` judges, and answers as the bot.

const { createRequire } = require('node:module');
const { mkdtempSync, rmSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');

// The portal's browser tests have brought it.
const { chromium } = createRequire(join(process.env.PORTAL, 'package.json'))('playwright-core');

const { PAGE_URL, PICTURES } = process.env;
const WAIT_MS = 15_000;
const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync'];

const report = { foreign: [], violations: [], errors: [], dialogs: [], forbidden: 0 };
const messages = (page, list) => page.locator(`#${list} .message`);

async function open(browser) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 820 } });
  page.setDefaultTimeout(WAIT_MS);
  page.on('request', (request) => request.url().startsWith(PAGE_URL) || report.foreign.push(request.url()));
  page.on('pageerror', (error) => report.errors.push(String(error)));
  page.on('dialog', (dialog) => { report.dialogs.push(dialog.message()); dialog.dismiss(); });
  page.on('console', (line) => /content security policy/i.test(line.text()) && report.violations.push(line.text()));
  return page;
}

async function hostile(page) {
  await page.goto(`${PAGE_URL}/#team=TDEMO&user=UADA&channel=CHOSTILE`);
  await page.getByText('the last of them').waitFor();
  const inside = page.locator('#messages .message .body');
  report.hostile = await inside.allInnerTexts();
  report.forbidden = await page.locator('#messages img, #messages script, #messages iframe, #messages a[href^="javascript"]').count();
  await page.screenshot({ path: join(PICTURES, 'hostile.png') });
}

async function conversation(page) {
  await page.goto(`${PAGE_URL}/#team=TDEMO&user=UADA&channel=CGENERAL`);
  await page.reload();
  await page.getByLabel('Message', { exact: true }).fill('@kona is 1 < 2 & 3? #general');
  await page.keyboard.press('Enter');
  await messages(page, 'replies').filter({ hasText: 'One moment' }).waitFor();
  await messages(page, 'replies').filter({ hasText: 'Yes, it is.' }).waitFor();
  await page.getByText('is thinking').waitFor();
  report.thread = await messages(page, 'replies').locator('.body').allInnerTexts();
  // There is no app in this test: the person is told, as in Slack.
  await page.getByRole('button', { name: 'Show' }).click();
  await page.getByRole('alert').filter({ hasText: 'The app did not take it' }).waitFor();
  await page.getByLabel('Reply', { exact: true }).fill('thanks a lot');
  await page.keyboard.press('Enter');
  const own = messages(page, 'replies').filter({ hasText: 'thanks a lot' });
  await own.hover();
  await own.getByRole('button', { name: 'Edit' }).click();
  await page.getByLabel('Edit the message').fill('thanks a million');
  await page.keyboard.press('Enter');
  await messages(page, 'replies').filter({ hasText: 'thanks a million (edited)' }).waitFor();
  await page.getByLabel('Message', { exact: true }).fill('to be deleted');
  await page.keyboard.press('Enter');
  const gone = messages(page, 'messages').filter({ hasText: 'to be deleted' });
  await gone.hover();
  await gone.getByRole('button', { name: 'Delete' }).click();
  await gone.waitFor({ state: 'detached' });
  await page.screenshot({ path: join(PICTURES, 'conversation.png') });
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.screenshot({ path: join(PICTURES, 'conversation-dark.png') });
  await page.setViewportSize({ width: 380, height: 740 });
  report.width = await page.evaluate(() => document.documentElement.scrollWidth);
  await page.screenshot({ path: join(PICTURES, 'narrow.png') });
}

async function main() {
  const profile = mkdtempSync(join(tmpdir(), 'konstruct-page-'));
  const browser = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM_PATH || '/usr/bin/chromium', args: FLAGS,
  });
  try {
    const page = await open(browser);
    await hostile(page);
    await conversation(page);
  } catch (error) {
    report.errors.push(String(error));
  } finally {
    await browser.close();
    rmSync(profile, { recursive: true, force: true });
  }
  console.log(JSON.stringify(report));
}

main();

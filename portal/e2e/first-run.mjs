// From nothing to the first answer: sign-up, mail, three steps, and a message in the simulated Slack.
import assert from 'node:assert/strict'
import { button, fill, heading, inspect, newPage } from './browser.mjs'
import { until } from './house.mjs'

export const OWNER = { mail: 'grace@example.com', password: 'correct horse battery', name: 'Grace Hopper' }
export const TEAM = 'TPORTAL'

/** The newest link of this kind that was mailed to somebody. */
export function mailedLink(house, mail, page) {
  return until(`a mail to ${mail}`, async () => {
    const sent = (await house.mails()).filter((text) => text.includes(mail))
    const links = sent.map((text) => text.match(new RegExp(`http\\S+/${page}#token=[\\w-]+`))?.[0])
    return links.filter(Boolean).at(-1)
  })
}

export async function firstRun({ house, test, newContext }) {
  const context = await newContext()
  const page = await newPage(context, house.address)
  await test('who is not signed in is asked to, and a wrong password is told', async () => {
    await page.goto(`${house.address}/people`)
    await heading(page, 'Welcome back').waitFor()
    assert.equal(new URL(page.url()).searchParams.get('next'), '/people')
    await inspect(page, 'sign-in')
    await fill(page, 'Mail address', 'nobody@example.com')
    await fill(page, 'Password', 'wrong wrong wrong')
    await button(page, 'Sign in').click()
    await page.getByRole('alert').filter({ hasText: 'don’t fit' }).waitFor()
  })
  await test('sign-up asks for an account and sends a mail', async () => {
    await page.getByRole('link', { name: 'Create an account' }).click()
    await fill(page, 'Your name', OWNER.name)
    await fill(page, 'Organization', 'Acme')
    await fill(page, 'Work mail address', OWNER.mail)
    await fill(page, 'Choose a password', OWNER.password)
    await inspect(page, 'sign-up')
    await button(page, 'Create account').click()
    await heading(page, 'Look into your mail').waitFor()
  })
  await test('the link of the mail opens the account at step one', async () => {
    await page.goto(await mailedLink(house, OWNER.mail, 'verify'))
    await heading(page, 'Confirm your address').waitFor()
    await inspect(page, 'verify')
    await fill(page, 'Password', OWNER.password)
    await button(page, 'Open my account').click()
    await heading(page, 'Where should it work?').waitFor()
    await inspect(page, 'onboarding-1')
  })
  await connectAndShape(page, test)
  await test('the first answer in Slack appears by itself', async () => {
    await heading(page, 'Write to it').waitFor()
    await inspect(page, 'onboarding-3')
    await house.slack('say', { team: TEAM, channel: 'CGENERAL', user: 'UADA', text: 'My name is Ada. &lt;b&gt;What&lt;/b&gt; can you do?', mention: true })
    await heading(page, 'Your agent is live').waitFor({ timeout: 30_000 })
    await inspect(page, 'onboarding-live')
    await page.getByRole('link', { name: 'Open the conversation' }).click()
    await page.getByRole('button', { name: 'Take over' }).waitFor()
  })
  return page
}

async function connectAndShape(page, test) {
  await test('a token that Slack refuses is told, and the step stays', async () => {
    await button(page, 'Slack by token').click()
    await fill(page, 'Bot token', 'xoxb-revoked-portal')
    await button(page, 'Connect').click()
    await page.getByRole('alert').filter({ hasText: 'does not accept this bot token' }).waitFor()
    assert.equal(await page.getByLabel('Bot token').inputValue(), 'xoxb-revoked-portal')
  })
  await test('the simulated Slack is connected by bot token', async () => {
    await fill(page, 'Bot token', 'xoxb-simulated-portal')
    await button(page, 'Connect').click()
    await heading(page, 'Who should it be?').waitFor()
    assert.match(page.url(), /step=2/)
    await page.reload()
    await heading(page, 'Who should it be?').waitFor()
    await inspect(page, 'onboarding-2')
  })
  await test('the agent is shaped', async () => {
    await fill(page, 'Role', 'Helps the sales team')
    await fill(page, 'Instructions', 'Answer briefly.')
    await button(page, 'Continue').click()
  })
}

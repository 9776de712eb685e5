// /settings: what belongs to the person who is signed in, and the keys of the tenant's programs.
import { getRouteApi } from '@tanstack/react-router'
import { useRights, useSession } from '../api/session'
import { ApiKeys } from '../components/api-keys'
import { Devices } from '../components/devices'
import { EscalationDesk } from '../components/escalation-desk'
import { Identities } from '../components/identities'
import { Languages } from '../components/languages'
import { OfficeHours } from '../components/office-hours'
import { OwnCurrency } from '../components/own-currency'
import { OwnSystems } from '../components/own-systems'
import { PageHead } from '../components/page-head'
import { PasswordForm } from '../components/password-form'
import { SecondFactor } from '../components/second-factor'
import { SupportAccess } from '../components/support-access'
import { prefer, usePreferences, type Language, type Theme } from '../lib/preferences'
import { useWords } from '../lib/words'
import { Select } from '../ui/field'

const route = getRouteApi('/app/settings')

export function SettingsPage() {
  const { provider } = route.useSearch()
  const say = useWords()
  const { mayAdministrate } = useRights()
  // Password, devices and keys are nobody's else.
  const isOneself = !useSession().impersonation
  return (
    <main className="content">
      <PageHead title={say('settings.title')} />
      <div className="settings">
        <Appearance />
        {isOneself && <PasswordForm />}
        {isOneself && <SecondFactor />}
        {isOneself && <Identities ended={provider} />}
        {isOneself && <Devices />}
        {mayAdministrate && <OfficeHours />}
        {mayAdministrate && <Languages />}
        {mayAdministrate && <OwnCurrency />}
        {isOneself && mayAdministrate && <EscalationDesk />}
        {isOneself && mayAdministrate && <ApiKeys />}
        {isOneself && mayAdministrate && <OwnSystems />}
        {isOneself && mayAdministrate && <SupportAccess />}
      </div>
    </main>
  )
}

function Appearance() {
  const say = useWords()
  const { language, theme } = usePreferences()
  return (
    <section className="panel" aria-labelledby="appearance-title">
      <h2 id="appearance-title">{say('settings.appearance')}</h2>
      <div className="form in-line">
        <Select label={say('settings.language')} value={language} onChange={(event) => prefer({ language: event.target.value as Language })}>
          <option value="en" lang="en">
            English
          </option>
          <option value="de" lang="de">
            Deutsch
          </option>
        </Select>
        <Select label={say('settings.theme')} value={theme} onChange={(event) => prefer({ theme: event.target.value as Theme })}>
          <option value="system">{say('settings.theme_system')}</option>
          <option value="light">{say('settings.theme_light')}</option>
          <option value="dark">{say('settings.theme_dark')}</option>
        </Select>
      </div>
    </section>
  )
}

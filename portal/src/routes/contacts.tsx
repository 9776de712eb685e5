// /contacts: who talks to the agents, and for admins what is kept of them: forgetting somebody, who was erased, for how long
// things are kept. What is looked for, and whoever is open, stand in the address.
import { useInfiniteQuery } from '@tanstack/react-query'
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { contactsQuery } from '../api/contacts'
import { useRights, useSession } from '../api/session'
import { ContactLines } from '../components/contact-lines'
import { ContactPanel } from '../components/contact-panel'
import { Erasures } from '../components/erasures'
import { PageHead } from '../components/page-head'
import { Retention } from '../components/retention'
import type { ContactsSearch } from '../lib/searches'
import { useWords, type Word } from '../lib/words'
import { Button } from '../ui/button'
import { Field } from '../ui/field'
import { Asking, Empty } from '../ui/states'
import { Choice, Tabs } from '../ui/tabs'

const route = getRouteApi('/app/contacts')
const VIEWS: [ContactsSearch['view'], Word][] = [
  [undefined, 'contacts.people'],
  ['erased', 'contacts.erased'],
  ['retention', 'contacts.retention'],
]

export function ContactsPage() {
  const say = useWords()
  const search = route.useSearch()
  const { mayAudit } = useRights()
  // Whoever acts as somebody else may look at people, no more.
  const hasViews = mayAudit && !useSession().impersonation
  const view = hasViews ? search.view : undefined
  return (
    <main className="content">
      <PageHead title={say('nav.contacts')} text={say('contacts.text')} />
      {hasViews && (
        <Tabs label={say('contacts.views')}>
          {VIEWS.map(([one, word]) => (
            <Link key={word} className="choice" to="/contacts" search={{ view: one }} activeOptions={{ exact: true, includeSearch: true }} aria-current={view === one ? 'page' : undefined}>
              {say(word)}
            </Link>
          ))}
        </Tabs>
      )}
      {view === 'erased' ? <Erasures /> : view === 'retention' ? <Retention /> : <People search={search} />}
    </main>
  )
}

function People({ search }: { search: ContactsSearch }) {
  const say = useWords()
  const { mayAudit } = useRights()
  const navigate = useNavigate()
  const list = useInfiniteQuery(contactsQuery(search))
  const items = list.data?.pages.flatMap((page) => page.items) ?? []
  const go = (change: ContactsSearch) => void navigate({ to: '/contacts', search: { ...search, ...change } })
  return (
    <>
      <Finder key={search.q} search={search} onChange={go} />
      <Asking query={list}>{() => <ContactLines items={items} onOpen={mayAudit ? (person) => go({ person }) : undefined} nobody={<Nobody search={search} />} />}</Asking>
      {list.hasNextPage && (
        <Button busy={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
          {say('contacts.more')}
        </Button>
      )}
      {mayAudit && search.person && <ContactPanel key={search.person} id={search.person} onClose={() => go({ person: undefined })} />}
    </>
  )
}

function Finder({ search, onChange }: { search: ContactsSearch; onChange: (change: ContactsSearch) => void }) {
  const say = useWords()
  const [words, setWords] = useState(search.q ?? '')
  const options = [
    ['all', say('contacts.everyone')],
    ['vip', say('contacts.vip')],
  ] as const
  return (
    <section className="panel finder">
      <form
        className="form in-line"
        role="search"
        onSubmit={(event) => {
          event.preventDefault()
          onChange({ q: words.trim() || undefined })
        }}
      >
        <Field type="search" label={say('contacts.find')} hint={say('contacts.find_hint')} value={words} maxLength={200} onChange={(event) => setWords(event.target.value)} />
        <Button type="submit">{say('contacts.search')}</Button>
      </form>
      <Choice label={say('contacts.which')} options={options} value={search.vip ? 'vip' : 'all'} onChange={(one) => onChange({ vip: one === 'vip' || undefined })} />
    </section>
  )
}

function Nobody({ search }: { search: ContactsSearch }) {
  const say = useWords()
  return search.q || search.vip ? (
    <Empty title={say('contacts.no_match')}>
      <Link className="button" to="/contacts" search={{}}>
        {say('contacts.all')}
      </Link>
    </Empty>
  ) : (
    <Empty title={say('contacts.empty')}>
      <p>{say('contacts.empty_text')}</p>
    </Empty>
  )
}

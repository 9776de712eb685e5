// The log as a file: every row that fits the filters, page by page, with how far it is.
import { useMutation } from '@tanstack/react-query'
import { useEffect, useRef, useState } from 'react'
import { call } from '../api/client'
import type { EventBody } from '../api/schema'
import { saveFile } from '../lib/contacts'
import type { AuditSearch } from '../lib/searches'
import { count } from '../lib/traces'
import { useWords } from '../lib/words'
import { Button } from '../ui/button'
import { Problem } from '../ui/states'

/** As many as the gateway gives at once. */
const PAGE_ROWS = 100
/** What a browser holds with ease. */
const ROWS_MAX = 50_000

export function AuditExport({ search: { action, actor } }: { search: AuditSearch }) {
  const say = useWords()
  const [rows, setRows] = useState(0)
  const isStopped = useRef(false)
  // Nobody waits for it any more.
  useEffect(() => () => void (isStopped.current = true), [])
  const save = useMutation({
    mutationFn: async () => {
      isStopped.current = false
      const items: EventBody[] = []
      let cursor: string | null | undefined = null
      do {
        setRows(items.length)
        const page: { items: EventBody[]; next_cursor?: string | null } = await call('GET /api/v1/audit', { query: { cursor, limit: PAGE_ROWS, action, actor } })
        items.push(...page.items)
        cursor = page.next_cursor
      } while (cursor && items.length < ROWS_MAX && !isStopped.current)
      return isStopped.current ? null : { items, isWhole: !cursor }
    },
    onSuccess: (saved) => {
      if (saved) saveFile(`audit-${new Date().toISOString().slice(0, 10)}.json`, JSON.stringify(saved.items, null, 2))
    },
  })
  return (
    <div className="audit-export">
      {save.isPending ? (
        <Button onClick={() => (isStopped.current = true)}>{say('audit.save_stop')}</Button>
      ) : (
        <Button onClick={() => save.mutate()}>{say('audit.save')}</Button>
      )}
      <span role="status" className="quiet">
        {save.isPending && say('audit.saving', { count: count(rows) })}
        {save.data && say(save.data.isWhole ? 'audit.saved' : 'audit.saved_part', { count: count(save.data.items.length) })}
      </span>
      <Problem of={save.error} />
    </div>
  )
}

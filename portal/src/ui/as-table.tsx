// What a chart shows, as a table below it that is opened.
import type { ReactNode } from 'react'
import { useWords } from '../lib/words'

/** `children` are the rows. */
export function AsTable({ columns, children }: { columns: string[]; children: ReactNode }) {
  const title = useWords()('usage.as_table')
  return (
    <details>
      <summary>{title}</summary>
      <div className="wide-table" tabIndex={0} role="region" aria-label={title}>
        <table>
          <thead>
            <tr>
              {columns.map((column) => (
                <th key={column} scope="col">
                  {column}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>{children}</tbody>
        </table>
      </div>
    </details>
  )
}

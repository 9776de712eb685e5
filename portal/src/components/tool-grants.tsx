// Which tools an agent may use. Nothing is granted unless somebody grants it here.
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { toolsQuery } from '../api/queries'
import { builtInWord, hostOf } from '../lib/tools'
import { useWords } from '../lib/words'
import { Badge } from '../ui/badge'
import { Asking } from '../ui/states'

/** As the gateway: longer lists are refused. */
const GRANTS_MAX = 20

interface ToolGrantsProps {
  granted: string[]
  isFixed: boolean
  onChange: (granted: string[]) => void
}

export function ToolGrants({ granted, isFixed, onChange }: ToolGrantsProps) {
  const say = useWords()
  const tools = useQuery(toolsQuery)
  const toggle = (id: string, isOn: boolean) => onChange(isOn ? [...granted, id] : granted.filter((one) => one !== id))
  const box = (id: string) => ({
    type: 'checkbox',
    checked: granted.includes(id),
    disabled: isFixed || (!granted.includes(id) && granted.length >= GRANTS_MAX),
    onChange: (event: { target: { checked: boolean } }) => toggle(id, event.target.checked),
  })
  return (
    <fieldset className="group grants">
      <legend>{say('grants.title')}</legend>
      <p className="hint">{say('grants.text')}</p>
      <Asking query={tools} lines={3}>
        {({ items, built_in: builtIn }) => (
          <ul>
            {builtIn.map((name) => (
              <li key={name}>
                <label className="check">
                  <input {...box(name)} />
                  <span>
                    <code>{name}</code> <span className="quiet">{say(builtInWord(name))}</span>
                  </span>
                </label>
              </li>
            ))}
            {items.map((tool) => (
              <li key={tool.id}>
                <label className="check">
                  <input {...box(tool.id)} />
                  <span>
                    <code>{tool.name}</code> <span className="quiet">{tool.description} · {hostOf(tool.url)}</span>{' '}
                    <Badge mood={tool.class === 'read' ? 'good' : 'fair'}>{say(tool.class === 'read' ? 'tools.read' : 'tools.write')}</Badge>{' '}
                    {!tool.enabled && <Badge mood="fair">{say('tools.off')}</Badge>}
                  </span>
                </label>
              </li>
            ))}
          </ul>
        )}
      </Asking>
      <p>
        <Link to="/tools" search={{}}>
          {say('grants.tools')}
        </Link>
      </p>
    </fieldset>
  )
}

// The keys of the inbox.
import { useWords, type Word } from '../lib/words'
import { Button } from '../ui/button'
import { Dialog } from '../ui/dialog'

const KEYS: [string, Word][] = [
  ['j', 'keys.next'],
  ['k', 'keys.before'],
  ['/', 'keys.find'],
  ['t', 'keys.hand_over'],
  ['w', 'keys.why'],
  ['Esc', 'keys.close'],
  ['?', 'keys.help'],
]

export function ShortcutHelp({ onClose }: { onClose: () => void }) {
  const say = useWords()
  return (
    <Dialog title={say('inbox.shortcuts')} onClose={onClose}>
      <dl className="keys">
        {KEYS.map(([key, word]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{say(word)}</dd>
          </div>
        ))}
      </dl>
      <Button onClick={onClose} autoFocus>
        {say('settings.done')}
      </Button>
    </Dialog>
  )
}

// Deleting a tool: its secret goes with it, and every agent loses it, so it is asked for twice.
import { call } from '../api/client'
import { useToolsAgain } from '../api/tool-servers'
import type { ToolBody } from '../api/schema'
import { useWords } from '../lib/words'
import { Confirm } from './confirm'

export function DeleteTool({ tool, onDeleted }: { tool: ToolBody; onDeleted: () => void }) {
  const say = useWords()
  const again = useToolsAgain()
  return (
    <Confirm
      label={say('tools.delete')}
      title={say('tools.delete_title', { name: tool.name })}
      text={say('tools.delete_text')}
      act={() => call('DELETE /api/v1/tools/{tool_id}', { path: { tool_id: tool.id } }).then(again)}
      onDone={onDeleted}
    />
  )
}

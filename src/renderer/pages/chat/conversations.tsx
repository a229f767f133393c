import { Button, CloseButton, UnstyledButton } from '@mantine/core'
import { useState } from 'react'
import type { ChatSummary } from '../../../shared/contract/studio/index.ts'
import { remove, showChat } from '../../stores/chat.ts'
import { Dialog } from '../../ui/dialog.tsx'
import { Panel, Section } from '../../ui/section.tsx'
import { ago, exact } from '../../ui/units.ts'
import { useNow } from '../../ui/use-now.ts'
import classes from './chat-page.module.css'

type Props = { chats: ChatSummary[]; shown: number | undefined }

/** What was said before, newest first. */
export function Conversations({ chats, shown }: Props) {
  const now = useNow()
  const [leaving, setLeaving] = useState<ChatSummary>()
  return (
    <Section
      title="Conversations"
      actions={
        <Button size="compact-xs" variant="default" disabled={shown === undefined} onClick={() => showChat(undefined)}>
          New
        </Button>
      }
    >
      <Panel>
        {chats.length === 0 && <p className={classes.none}>None yet.</p>}
        <ul className={classes.chats}>
          {chats.map((chat) => (
            <li key={chat.id} className={classes.chat} data-shown={chat.id === shown || undefined}>
              <UnstyledButton
                className={classes.open}
                aria-current={chat.id === shown ? 'true' : undefined}
                onClick={() => showChat(chat.id)}
              >
                <span className={classes.title}>{chat.title}</span>
                <span className={classes.when}>
                  {exact(chat.turns)} {chat.turns === 1 ? 'prompt' : 'prompts'}, {ago(chat.changedAtMs, now)}
                </span>
              </UnstyledButton>
              <CloseButton size="sm" aria-label={`Remove “${chat.title}”`} onClick={() => setLeaving(chat)} />
            </li>
          ))}
        </ul>
      </Panel>
      <Dialog
        title="Remove the conversation"
        size="md"
        opened={leaving !== undefined}
        close={() => setLeaving(undefined)}
      >
        <p className={classes.ask}>“{leaving?.title}” and its answers are gone then.</p>
        <Button
          onClick={() => {
            if (leaving) void remove(leaving.id)
            setLeaving(undefined)
          }}
        >
          Remove
        </Button>
      </Dialog>
    </Section>
  )
}

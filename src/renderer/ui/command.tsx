import { CopyButton as MantineCopy, Tooltip, ActionIcon } from '@mantine/core'
import { CheckIcon, CopyIcon } from './icons.tsx'
import classes from './command.module.css'

/** Puts a text on the clipboard, and says that it did. */
export function CopyButton({ text, label }: { text: string; label: string }) {
  return (
    <MantineCopy value={text} timeout={1600}>
      {({ copied, copy }) => (
        <Tooltip label={copied ? 'Copied' : label} openDelay={300} withinPortal>
          <ActionIcon variant="subtle" color="gray" size="sm" onClick={copy} aria-label={label}>
            {copied ? <CheckIcon /> : <CopyIcon />}
          </ActionIcon>
        </Tooltip>
      )}
    </MantineCopy>
  )
}

/** A line for the terminal, ready to be copied. */
export function Command({ line }: { line: string }) {
  return (
    <div className={classes.command}>
      <code>{line}</code>
      <CopyButton text={line} label="Copy command" />
    </div>
  )
}

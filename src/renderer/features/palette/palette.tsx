import { Modal } from '@mantine/core'
import { useId, useState, type KeyboardEvent } from 'react'
import { closeOverlay } from '../../stores/overlay.ts'
import { matching, type Action } from './actions.ts'
import { Caps } from './caps.tsx'
import classes from './palette.module.css'

/** Every command by its name. Typing narrows, the arrows choose, Enter runs. */
export function Palette({ actions, opened }: { actions: Action[]; opened: boolean }) {
  // Where a command leads, the focus goes by itself; who leaves without one goes back to where they were.
  const [ran, setRan] = useState(false)
  return (
    <Modal.Root
      opened={opened}
      onClose={closeOverlay}
      onEnterTransitionEnd={() => setRan(false)}
      size="36rem"
      yOffset="12vh"
      returnFocus={!ran}
      transitionProps={{ duration: 0 }}
    >
      <Modal.Overlay backgroundOpacity={0.3} />
      <Modal.Content aria-label="Commands">
        <Modal.Body p={0}>
          <Finder
            actions={actions}
            run={(action) => {
              setRan(true)
              closeOverlay()
              action.run()
            }}
          />
        </Modal.Body>
      </Modal.Content>
    </Modal.Root>
  )
}

function Finder({ actions, run }: { actions: Action[]; run: (action: Action) => void }) {
  const id = useId()
  const [typed, setTyped] = useState('')
  const [at, setAt] = useState(0)
  const found = matching(actions, typed)
  const chosen = found[at]
  const optionId = (action: Action) => `${id}-${action.id}`

  function choose(index: number) {
    const action = found[(index + found.length) % found.length]
    if (!action) return
    setAt(found.indexOf(action))
    document.getElementById(optionId(action))?.scrollIntoView({ block: 'nearest' })
  }

  function press(event: KeyboardEvent) {
    const moves: Record<string, number> = { ArrowDown: at + 1, ArrowUp: at - 1 }
    const to = moves[event.key]
    if (to !== undefined) choose(to)
    else if (event.key === 'Enter' && chosen && !event.nativeEvent.isComposing) run(chosen)
    else return
    event.preventDefault()
  }

  return (
    <>
      <input
        className={classes.input}
        role="combobox"
        aria-label="Find a command"
        aria-expanded="true"
        aria-controls={id}
        aria-autocomplete="list"
        aria-activedescendant={chosen && optionId(chosen)}
        placeholder="Find a command"
        autoComplete="off"
        spellCheck={false}
        data-autofocus
        value={typed}
        onChange={(event) => {
          setTyped(event.currentTarget.value)
          setAt(0)
        }}
        onKeyDown={press}
      />
      <div id={id} role="listbox" aria-label="Commands" className={classes.list}>
        {found.map((action, index) => (
          <div
            key={action.id}
            id={optionId(action)}
            role="option"
            aria-selected={index === at}
            className={classes.option}
            onMouseMove={() => setAt(index)}
            onClick={() => run(action)}
          >
            <span className={classes.name}>{action.name}</span>
            <span className={classes.group}>{action.group}</span>
            {action.keys && <Caps keys={action.keys} />}
          </div>
        ))}
      </div>
      {found.length === 0 && (
        <p className={classes.none} role="status">
          No command is called so.
        </p>
      )}
    </>
  )
}

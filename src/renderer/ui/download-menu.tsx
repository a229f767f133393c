import { Button, Menu } from '@mantine/core'

type Props = { what: string; choices: { name: string; take: () => void }[] }

/** What a table or a chart can be taken away as. */
export function DownloadMenu({ what, choices }: Props) {
  return (
    <Menu position="bottom-end" width={140}>
      <Menu.Target>
        <Button size="compact-xs" variant="default" aria-label={`Save as… (${what})`}>
          Save as…
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {choices.map(({ name, take }) => (
          <Menu.Item key={name} onClick={take}>
            {name}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  )
}

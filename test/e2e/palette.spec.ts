import { fillStudio } from './support/fill-studio.ts'
import { expectSound, listenForComplaints } from './support/look.ts'
import { expect, test } from './support/studio.ts'
import { SCHEMES } from './support/views.ts'

for (const colorScheme of SCHEMES) {
  test.describe(colorScheme, () => {
    test.use({ colorScheme })

    test('every command is found by its name and run by keyboard alone', async ({ page, home, served }) => {
      const { measured, fresh } = fillStudio(home)
      const complaints = listenForComplaints(page)
      await page.goto(served.url)
      await expect(page.getByRole('link', { name: /8\.96 MB/ })).toBeVisible()
      const palette = page.getByRole('dialog', { name: 'Commands' })
      const find = async (typed: string, first: string | RegExp) => {
        await page.keyboard.press('Control+k')
        await expect(palette.getByRole('combobox')).toBeFocused()
        await page.keyboard.type(typed)
        await expect(palette.getByRole('option', { selected: true })).toHaveText(first)
      }
      await page.keyboard.press('Control+k')
      await expectSound(page)
      await page.keyboard.press('Escape')
      await expect(palette).toHaveCount(0)

      await find('656', /^Go to TinyStories-656K/)
      await page.keyboard.press('Enter')
      await expect(page).toHaveURL(new RegExp(`#/projects/${fresh}$`))
      await expect(page.getByRole('heading', { name: 'TinyStories-656K' })).toBeVisible()

      await find('this project', /^Squeeze…/)
      await page.keyboard.press('ArrowUp')
      await page.keyboard.press('ArrowDown')
      await expect(palette.getByRole('option', { selected: true })).toHaveText(/^Squeeze…/)
      await page.keyboard.press('ArrowDown')
      await page.keyboard.press('Enter')
      await expect(page).toHaveURL(new RegExp(`#/projects/${fresh}/sensitivity$`))
      await expect(page.getByRole('dialog', { name: 'Calibrate the checkpoint' })).toBeVisible()
      // While something is asked, the keys are its own.
      await page.keyboard.press('Control+k')
      await expect(palette).toHaveCount(0)
      await page.keyboard.press('Escape')
      await expect(page.getByRole('dialog')).toHaveCount(0)

      await find('theme dark', /^Theme: dark/)
      await page.keyboard.press('Enter')
      await expect(page.locator('html')).toHaveAttribute('data-mantine-color-scheme', 'dark')
      await find('sample', /^Go to sample/)
      await page.keyboard.press('Enter')
      await expect(page).toHaveURL(new RegExp(`#/projects/${measured}$`))
      await page.keyboard.press('Control+k')
      await page.keyboard.type('nothing of that name')
      await expect(palette.getByText('No command is called so.')).toBeVisible()
      await page.keyboard.press('Escape')
      expect(complaints).toEqual([])
    })

    test('the sheet lists the keys, and each of them works', async ({ page, home, served }) => {
      const { fresh } = fillStudio(home)
      await page.goto(`${served.url}#/projects/${fresh}`)
      await expect(page.getByRole('heading', { name: 'TinyStories-656K' })).toBeVisible()
      const sheet = page.getByRole('dialog', { name: 'Shortcuts' })
      await page.keyboard.press('Shift+?')
      await expect(sheet.getByRole('definition')).toHaveText([
        'AltShiftS',
        'AltShiftC',
        'AltShiftH',
        'AltShiftO',
        'AltShiftJ',
        'CtrlK',
        '?',
      ])
      await expectSound(page)
      const closed = async (name: string) => {
        await expect(page.getByRole('dialog', { name })).toBeVisible()
        await page.keyboard.press('Escape')
        await expect(page.getByRole('dialog')).toHaveCount(0)
      }
      await closed('Shortcuts')
      await page.keyboard.press('Alt+Shift+S')
      await closed('Squeeze the checkpoint')
      await page.keyboard.press('Alt+Shift+C')
      await closed('Calibrate the checkpoint')
      await page.keyboard.press('Alt+Shift+J')
      await closed('Jobs')
      await page.keyboard.press('Alt+Shift+H')
      await expect(page).toHaveURL(/#\/$/)
      await page.keyboard.press('Alt+Shift+O')
      const path = page.getByLabel('Folder of a checkpoint')
      await expect(path).toBeFocused()
      // In a field a question mark is text.
      await page.keyboard.type('?')
      await expect(path).toHaveValue('?')
      await expect(sheet).toHaveCount(0)
    })
  })
}

/** The place of a project in the page, as the fragment of an address: shells open the page there. */
export function projectPlace(projectId: number, section: ProjectSection = 'overview'): string {
  return `#/projects/${projectId}${section === 'overview' ? '' : `/${section}`}`
}

/** The pages of a project, in the order in which they stand in its navigation. */
export const PROJECT_SECTIONS = ['overview', 'sensitivity', 'chat'] as const
export type ProjectSection = (typeof PROJECT_SECTIONS)[number]

// Monaco's API names these classes; the explorer compares no texts.
export class DiffEditorWidget {
  constructor() {
    throw new Error("This build of Monaco has no diff editor.");
  }
}
export class MultiDiffEditorWidget extends DiffEditorWidget {}

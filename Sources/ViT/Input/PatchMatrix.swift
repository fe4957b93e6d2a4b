/// The model's input: flattened, normalized patches.
package struct PatchMatrix: Sendable {
    package let rows: Int
    package let columns: Int
    /// `rows · columns × 3 · patch²`, each patch in the order channel, row, column.
    package var values: [Float]
}

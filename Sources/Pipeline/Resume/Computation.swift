import Base

/// What the maps of a run are computed with: libraries, precisions, instruction sets. What is computed with the same is
/// the same to the last bit, on whatever machine.
package struct Computation: Sendable, Equatable {
    package let description: String
    /// Whether other runs of the job may compute with something else.
    let mayDiffer: Bool

    package init(_ description: String, mayDiffer: Bool = false) {
        self.description = description
        self.mayDiffer = mayDiffer
    }

    /// - Throws: `VitvideoError` of kind `usage` where the job was begun with something else.
    func checkGoesOn(with store: SegmentStore) throws {
        guard !mayDiffer, description != store.job.computation else { return }
        throw VitvideoError(
            .usage, cannot: "go on with", path: store.path,
            reason: "it was begun with \(store.job.computation), and here it would be \(description)",
            nextStep: .allowMixedCPUs)
    }

    /// - Throws: `VitvideoError` of kind `usage` where segments were computed with different things.
    func checkAgree(_ found: [SegmentStore.Computed], in store: SegmentStore) throws {
        guard !mayDiffer, Set(found.map(\.computation)).count > 1 else { return }
        throw VitvideoError(
            .usage, cannot: "join", path: store.path,
            reason: "its segments were computed with different things: "
                + found.map(\.description).joined(separator: "; "), nextStep: .allowMixedCPUs)
    }
}

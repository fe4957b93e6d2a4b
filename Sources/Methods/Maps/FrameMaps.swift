import Pixels

/// The maps of one frame from one source.
package struct FrameMaps: Sendable {
    /// Raw maps, as many as the source has `partNames`, `rows × columns` each.
    package let parts: [Plane]
    /// The raw map that stands for the whole, `rows × columns`: what statistics are made of, and what the views
    /// of one map show where the method gives one. Otherwise the mean of the single maps.
    package let fused: Plane
    /// Vectors of the tokens, where the method exports them.
    package let vectors: FrameVectors
    /// What the classifier takes the frame for; nil without one.
    package let prediction: FramePrediction?
    /// The class that the maps are for; nil where they are for none.
    package let targetClass: TargetClass?

    package init(
        parts: [Plane], fused: Plane, vectors: FrameVectors = FrameVectors(),
        prediction: FramePrediction? = nil, targetClass: TargetClass? = nil
    ) {
        self.parts = parts
        self.fused = fused
        self.vectors = vectors
        self.prediction = prediction
        self.targetClass = targetClass
    }

    /// What is written on the picture.
    package var shownLines: [String] {
        (targetClass.map { ["for \($0.name)"] } ?? []) + (prediction?.shownLines ?? [])
    }
}

/// Vectors of a frame's tokens; empty where there are none.
package struct FrameVectors: Sendable, Equatable {
    /// `rows × columns × D`.
    package let patches: [Float]
    /// `D`.
    package let classToken: [Float]

    package init(patches: [Float] = [], classToken: [Float] = []) {
        self.patches = patches
        self.classToken = classToken
    }
}

/// A class that maps are for.
package struct TargetClass: Sendable, Equatable {
    package let index: Int
    package let name: String

    package init(index: Int, name: String) {
        self.index = index
        self.name = name
    }
}

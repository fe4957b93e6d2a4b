/// What is added to the tokens to tell where a patch lies. Queries and keys may be rotated as well (`RotaryPositions`),
/// and scores shifted (`RelativePositions`).
package enum PositionEncoding: Sendable, Hashable {
    /// A table `pos_embed` of the native grid, added to the tokens and interpolated to other grids
    /// (`PositionInterpolation`).
    ///
    /// - coversPrefix: whether class and distillation token have an entry before those of the patches.
    case learned(coversPrefix: Bool)
    /// A fixed table that is computed for any grid and stored nowhere; prefix tokens get nothing added. The
    /// definition is `PositionTable.sineCosine`.
    case sineCosine
    /// Nothing.
    case none

    /// Whether positions are added to the patches.
    package var hasTable: Bool { self != .none }

    /// Whether the table is that of the native grid and is interpolated to others.
    package var isInterpolated: Bool {
        if case .learned = self { true } else { false }
    }
}

/// How a position table is carried to another patch grid.
package enum PositionInterpolation: String, Sendable, Hashable {
    /// DINO and DINOv2 without registers: bicubic, a = −0.75, no antialiasing, with the scale factors
    /// `(rows + 0.1) / nativeRows` and `(columns + 0.1) / nativeColumns` used as such, so that
    /// `source = (target + 0.5) / scale − 0.5`.
    case scaled = "hub"
    /// DINOv2 with registers and timm: bicubic, a = −0.5, antialiased, to the explicit size.
    case antialiased = "timm"
    /// Hugging Face's `ViTModel`, `DeiTModel` and `Dinov2Model`: bicubic, a = −0.75, no antialiasing, to the
    /// explicit size.
    case plain = "transformers"
}

/// Rotary positions: queries and keys of the patches are rotated by angles that depend on the position (`Rotation`).
package struct RotaryPositions: Sendable, Hashable {
    /// What a patch's place in a grid is measured in.
    package enum Coordinates: Sendable, Hashable {
        /// From −1 to 1 over the picture, at the patch's centre; a turn a unit (DINOv3).
        case centered
        /// In patches of a grid of so many a side, whatever the grid; a radian a unit (EVA-02).
        case reference(side: Int)
    }

    /// Which channels of a head turn together.
    package enum Pairs: Sendable, Hashable {
        /// i and i + d/2 (DINOv3).
        case halves
        /// 2i and 2i + 1 (EVA-02).
        case neighbors
    }

    package var coordinates: Coordinates
    package var pairs: Pairs
    /// What the periods are powers of. Periods in the weights come before it.
    package var base: Float

    package init(_ coordinates: Coordinates, pairs: Pairs, base: Float) {
        self.coordinates = coordinates
        self.pairs = pairs
        self.base = base
    }

    package static let dinov3 = RotaryPositions(.centered, pairs: .halves, base: 100)
    package static let eva02 = RotaryPositions(.reference(side: 16), pairs: .neighbors, base: 10_000)
}

/// A learned shift of the attention scores by how far query and key lie apart (`AttentionBias`).
package enum RelativePositions: Sendable, Hashable {
    /// Every block has a table of its own.
    case perBlock
    /// One table serves all blocks.
    case shared
}

/// How the model tells where a patch lies.
///
/// A bias on the attention scores by relative position (BEiT, Swin) would be another case. Its place is
/// `QKV.attention` for the plain passes; for the tuned pass `vv_attention` would have to add the bias to a
/// tile's scores.
package enum PositionEncoding: Sendable, Hashable {
    /// A table `pos_embed` of the native grid, added to the tokens and interpolated to other grids
    /// (`PositionInterpolation`).
    ///
    /// - coversPrefix: whether class and distillation token have an entry before those of the patches.
    case learned(coversPrefix: Bool)
    /// A fixed table that is computed for any grid and stored nowhere; prefix tokens get nothing added. The
    /// definition is `PositionTable.sineCosine`.
    case sineCosine
    /// No table: queries and keys of the patches are rotated by an angle that depends on the position
    /// (`Rotation`).
    ///
    /// - base: what the periods are powers of, 100 in DINOv3. Periods in the weights come before it.
    case rotary(base: Float)
    /// Nothing.
    case none

    /// Whether positions are added to the patches.
    package var hasTable: Bool {
        switch self {
        case .learned, .sineCosine: true
        case .rotary, .none: false
        }
    }

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

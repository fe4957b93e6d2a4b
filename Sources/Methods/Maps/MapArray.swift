import Pixels
import ViT

/// An array of an export as documented: what `np.load` shows of it.
package struct ArrayDescription: Sendable, Equatable {
    package enum Element: String, Sendable {
        case float32
        case int64
    }

    package let name: String
    /// The dimensions behind `frames`, in words: "heads", "rows", "cols".
    package let axes: [String]
    package let element: Element
    /// What a reader has to know besides: "through the sigmoid".
    package let note: String?

    package init(_ name: String, _ axes: [String], element: Element = .float32, note: String? = nil) {
        self.name = name
        self.axes = axes
        self.element = element
        self.note = note
    }

    /// Whether it holds maps, and not a number a frame.
    package var isMap: Bool { !axes.isEmpty }

    /// "[frames, heads, rows, cols]".
    package var shape: String { "[\((["frames"] + axes).joined(separator: ", "))]" }
}

/// One array of an export: its name, and what a row of it holds of a frame's maps.
package struct MapArray: Sendable, Equatable {
    package enum Content: Sendable, Equatable {
        /// The fused map, `rows × columns`.
        case fused
        /// One of the single maps, `rows × columns`.
        case part(Int)
        /// All single maps, `count × rows × columns`.
        case parts(count: Int)
        /// All single maps, the values of a cell side by side, `rows × columns × count`.
        case interleaved(count: Int)
        /// The patches' vectors, `rows × columns × width`.
        case patchVectors(width: Int)
        /// The class token's vector, `width`.
        case classVector(width: Int)
    }

    package let name: String
    package let content: Content

    package init(_ name: String, _ content: Content) {
        self.name = name
        self.content = content
    }

    /// The shape of a row on that grid.
    package func shape(on layout: InputLayout) -> [Int] {
        let grid = [layout.rows, layout.columns]
        return switch content {
        case .fused, .part: grid
        case .parts(let count): [count] + grid
        case .interleaved(let count), .patchVectors(let count): grid + [count]
        case .classVector(let width): [width]
        }
    }

    /// A frame's row.
    package func values(of maps: FrameMaps) -> [Float] {
        switch content {
        case .fused: return maps.fused.values
        case .part(let index): return maps.parts[index].values
        case .parts: return maps.parts.flatMap(\.values)
        case .patchVectors: return maps.vectors.patches
        case .classVector: return maps.vectors.classToken
        case .interleaved:
            return maps.fused.values.indices.flatMap { cell in maps.parts.map { $0.values[cell] } }
        }
    }
}

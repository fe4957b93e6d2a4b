import Pixels
import ViT

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
    }

    package let name: String
    package let content: Content

    package init(_ name: String, _ content: Content) {
        self.name = name
        self.content = content
    }

    /// The shape of a row on that grid.
    func shape(on layout: InputLayout) -> [Int] {
        let grid = [layout.rows, layout.columns]
        return switch content {
        case .fused, .part: grid
        case .parts(let count): [count] + grid
        case .interleaved(let count): grid + [count]
        }
    }

    /// A frame's row.
    func values(of maps: FrameMaps) -> [Float] {
        switch content {
        case .fused: return maps.fused.values
        case .part(let index): return maps.parts[index].values
        case .parts: return maps.parts.flatMap(\.values)
        case .interleaved:
            return maps.fused.values.indices.flatMap { cell in maps.parts.map { $0.values[cell] } }
        }
    }
}

import Foundation
import NumPy
import Testing

/// What `--export` wrote.
struct AttentionExport {
    /// Keys as the documentation has them.
    struct Meta: Decodable, Equatable {
        let model: String
        let weights_sha256: String
        let layer: Int
        let heads: [Int]
        let patch: Int
        let input_height: Int
        let input_width: Int
        let source_height: Int
        let source_width: Int
        let cell_height: Double
        let cell_width: Double
        let version: String
    }

    /// `frames × heads × rows × columns`.
    let attention: [Float]
    let shape: [Int]
    let frames: [Int]
    let times: [Double]
    let meta: Meta

    var heads: Int { shape[1] }
    var rows: Int { shape[2] }
    var columns: Int { shape[3] }

    init(_ path: String) throws {
        let reader = try NPZReader(path)
        #expect(reader.names.sorted() == ["attention", "frame", "meta", "time"])
        let array = try reader.array("attention")
        #expect(array.element == .number(.float32))
        try #require(array.shape.count == 4)
        attention = try array.floats()
        shape = array.shape
        frames = try reader.array("frame").int64s().map { Int($0) }
        times = try reader.array("time").doubles()
        let text = try reader.array("meta")
        #expect(text.shape == [])
        meta = try JSONDecoder().decode(Meta.self, from: Data(try #require(text.strings().first).utf8))
        #expect(frames.count == shape[0] && times.count == shape[0])
    }

    /// One head's map in the `frame`-th frame of the export, row-major.
    func map(frame: Int, head: Int) -> [Float] {
        let count = rows * columns
        let start = (frame * heads + head) * count
        return [Float](attention[start..<start + count])
    }

    /// The mean over the heads.
    func mean(frame: Int) -> [Float] {
        fused(frame: frame) { $0.reduce(0, +) / Float($0.count) }
    }

    /// Each cell's values of all heads made one.
    func fused(frame: Int, _ fuse: ([Float]) -> Float) -> [Float] {
        let maps = (0..<heads).map { map(frame: frame, head: $0) }
        return (0..<rows * columns).map { cell in fuse(maps.map { $0[cell] }) }
    }
}

/// The index of the largest value.
func hottest(_ map: [Float]) -> Int { map.indices.max { map[$0] < map[$1] } ?? 0 }

/// The bits of the values, for comparing without tolerance and with the sign of zero.
func bits(_ values: some Sequence<Float>) -> [UInt32] { values.map(\.bitPattern) }

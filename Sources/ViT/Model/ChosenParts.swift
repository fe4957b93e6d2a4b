import Base

// Blocks and heads as the command line names them.

/// The block that an index names, negative indices counting from the end as in Python.
///
/// - Throws: `VitvideoError.noSuchBlock`.
package func blockIndex(_ index: Int, depth: Int) throws(VitvideoError) -> Int {
    guard (-depth..<depth).contains(index) else { throw VitvideoError.noSuchBlock(index, depth: depth) }
    return index < 0 ? index + depth : index
}

/// - Parameter chosen: nil for all.
/// - Throws: `VitvideoError.noSuchHead`.
package func headIndices(_ chosen: [Int]?, of count: Int) throws -> [Int] {
    let heads = chosen ?? Array(0..<count)
    if let wrong = heads.first(where: { !(0..<count).contains($0) }) {
        throw VitvideoError.noSuchHead(wrong, heads: count)
    }
    return heads
}

/// Letters to insert, remove or replace to make one word of another (Levenshtein).
///
/// - Parameter isPart: whether any part of `text` will do: what stands before and after it counts nothing.
package func editDistance(_ word: String, _ text: String, isPart: Bool = false) -> Int {
    let letters = Array(text)
    var row = isPart ? [Int](repeating: 0, count: letters.count + 1) : Array(0...letters.count)
    for (i, a) in word.enumerated() {
        var diagonal = row[0]
        row[0] = i + 1
        for (j, b) in letters.enumerated() {
            let best = min(diagonal + (a == b ? 0 : 1), row[j] + 1, row[j + 1] + 1)
            diagonal = row[j + 1]
            row[j + 1] = best
        }
    }
    return isPart ? row.min() ?? 0 : row[letters.count]
}

import Base
import Files

/// What the pictures of a list are called in its outputs, each by a name of its own.
package struct PictureName: Sendable, Equatable {
    /// Its file's, `dog.jpg`; where several pictures have that, with the folders that tell them apart, `a-dog.jpg`.
    package let file: String
    /// What stands for `%s` in the name of an output: the same without its extension, where that is another's too with it.
    package let stem: String

    /// What stands for the picture in the name of an output.
    package static let placeholder = "%s"

    /// The name of an output of this picture.
    package func path(_ pattern: String) -> String { pattern.replacing(Self.placeholder, with: stem) }

    /// The names of pictures, in their order.
    package static func names(of paths: [String]) -> [PictureName] {
        let parts = paths.map { path in
            path.split(separator: "/").map { FileName.shown(String($0)) }.filter { $0 != "." && $0 != ".." }
        }
        let files = unique(parts.map { visible($0.last ?? "") }) { index, folders in
            visible(parts[index].suffix(folders + 1).joined(separator: "-"))
        }
        // A number for FFmpeg is none in the name of a picture.
        let stems = unique(files.map { $0.pathStem.replacing("%", with: "_") }) { index, _ in
            files[index].replacing("%", with: "_")
        }
        return zip(files, stems).map { PictureName(file: $0, stem: $1) }
    }

    /// Makes names different.
    ///
    /// - Parameter longer: the name of that index with so many folders; asked for with more and more as long as another
    ///   name is the same.
    private static func unique(_ names: [String], longer: (_ index: Int, _ folders: Int) -> String)
        -> [String]
    {
        var names = names
        for folders in 1...3 {
            let shared = Dictionary(grouping: names.indices) { names[$0] }.values.filter { $0.count > 1 }
            if shared.isEmpty { return names }
            for index in shared.joined() { names[index] = longer(index, folders) }
        }
        // The same file named twice, or folders that differ further up.
        var taken: Set<String> = []
        for index in names.indices {
            let name = names[index]
            var number = 1
            while !taken.insert(names[index]).inserted {
                number += 1
                names[index] = name.insertingBeforeExtension("-\(number)")
            }
        }
        return names
    }

    /// A name that no listing hides, and no archive refuses.
    private static func visible(_ name: String) -> String {
        name.hasPrefix(".") ? "_" + name.dropFirst() : name
    }
}

import Files

extension OutputDirectory.Kind {
    /// A ranking: nothing but its two files.
    static let ranking = OutputDirectory.Kind("ranking") { path in
        let own = [RankingDirectory.table, RankingDirectory.sheet]
        return FileSystem.names(in: path).map { Set($0).isSubset(of: own) } ?? false
    }
}

/// The files of a ranking.
enum RankingDirectory {
    static let table = "neurons.csv"
    static let sheet = "neurons.png"
}

process PHYLOMETA_RUN {
    tag "$meta.id"
    label 'process_single'

    conda "${moduleDir}/environment.yml"
    container "${ workflow.containerEngine == 'singularity' && !task.ext.singularity_pull_docker_container ?
        'https://depot.galaxyproject.org/singularity/phylometa-cancer:0.2.0--pyhdfd78af_0' :
        'biocontainers/phylometa-cancer:0.2.0--pyhdfd78af_0' }"

    input:
    tuple val(meta), path(sheet), path(files)

    output:
    tuple val(meta), path("results/${meta.id}")             , emit: results
    tuple val(meta), path("results/${meta.id}/report.html") , emit: report
    tuple val(meta), path("results/${meta.id}/summary.json"), emit: summary
    path "versions.yml"                                     , emit: versions

    when:
    task.ext.when == null || task.ext.when

    script:
    def args = task.ext.args ?: ''
    """
    phylometa run $sheet --patient ${meta.id} -o results $args

    cat <<-END_VERSIONS > versions.yml
    "${task.process}":
        phylometa: \$(phylometa --version | sed 's/.*version //')
    END_VERSIONS
    """

    stub:
    """
    mkdir -p results/${meta.id}
    touch results/${meta.id}/report.html results/${meta.id}/summary.json

    cat <<-END_VERSIONS > versions.yml
    "${task.process}":
        phylometa: \$(phylometa --version | sed 's/.*version //')
    END_VERSIONS
    """
}

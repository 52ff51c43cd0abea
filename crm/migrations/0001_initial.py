"""Companies, people, positions."""

import django.contrib.postgres.indexes
import django.db.models.deletion
import django.db.models.functions.comparison
import django.db.models.functions.datetime
import django.db.models.functions.text
import django.db.models.functions.uuid
import prospectflow.tenancy.constraints
import prospectflow.tenancy.fields
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('iam', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Company',
            fields=[
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('id', models.UUIDField(db_default=django.db.models.functions.uuid.UUID7(), editable=False, primary_key=True, serialize=False)),
                ('provenance', models.JSONField(blank=True, db_default={}, default=dict, help_text='Field → its source and the date it was learnt.')),
                ('kept', models.JSONField(blank=True, db_default={}, default=dict, help_text='Columns of the file that have no field of their own.')),
                ('pharow_company_id', models.CharField(blank=True, max_length=32, null=True, verbose_name='Pharow ID')),
                ('siren', models.CharField(blank=True, max_length=9, null=True, verbose_name='SIREN')),
                ('hq_siret', models.CharField(blank=True, max_length=14, null=True, verbose_name='head office SIRET')),
                ('name', models.CharField(max_length=255)),
                ('brand_name', models.CharField(blank=True, max_length=255, null=True)),
                ('linkedin_name', models.CharField(blank=True, max_length=255, null=True, verbose_name='LinkedIn name')),
                ('acronym', models.CharField(blank=True, max_length=255, null=True)),
                ('naf_code', models.CharField(blank=True, max_length=6, null=True, verbose_name='NAF code')),
                ('naf_nomenclature', models.CharField(blank=True, choices=[('NAFRev2', 'NAF rév. 2'), ('NAF2025', 'NAF 2025'), ('NAFRev1', 'NAF rév. 1'), ('NAF1993', 'NAF 1993'), ('NAP', 'NAP')], max_length=8, null=True, verbose_name='NAF edition')),
                ('naf_sector', models.CharField(blank=True, max_length=255, null=True, verbose_name='NAF label')),
                ('activity', models.TextField(blank=True, null=True)),
                ('description', models.TextField(blank=True, null=True)),
                ('legal_form_code', models.CharField(blank=True, max_length=4, null=True)),
                ('category', models.CharField(blank=True, help_text='PME, ETI or GE.', max_length=3, null=True)),
                ('administrative_state', models.CharField(blank=True, max_length=1, null=True)),
                ('diffusion', models.CharField(choices=[('O', 'open'), ('P', 'opposed to prospecting')], db_default='O', default='O', max_length=1)),
                ('founding_year', models.SmallIntegerField(blank=True, null=True)),
                ('founding_date', models.DateField(blank=True, null=True)),
                ('growing', models.BooleanField(blank=True, null=True)),
                ('employee_range', models.CharField(blank=True, max_length=50, null=True)),
                ('employee_count', models.IntegerField(blank=True, null=True)),
                ('headcount_code', models.CharField(blank=True, max_length=2, null=True)),
                ('headcount_year', models.SmallIntegerField(blank=True, null=True)),
                ('annual_revenue_eur', models.BigIntegerField(blank=True, null=True, verbose_name='annual revenue (€)')),
                ('annual_revenue_year', models.SmallIntegerField(blank=True, null=True)),
                ('main_phone', models.CharField(blank=True, max_length=32, null=True)),
                ('generic_email', models.CharField(blank=True, max_length=254, null=True, verbose_name='generic e-mail address')),
                ('website_url', models.TextField(blank=True, null=True, verbose_name='website')),
                ('domain', models.CharField(blank=True, max_length=253, null=True)),
                ('linkedin_url', models.TextField(blank=True, null=True, verbose_name='LinkedIn page')),
                ('hq_address', models.TextField(blank=True, null=True, verbose_name='head office address')),
                ('postal_code', models.CharField(blank=True, max_length=10, null=True)),
                ('city', models.CharField(blank=True, max_length=100, null=True)),
                ('country', models.CharField(db_default='FR', default='FR', max_length=2)),
                ('organisation', prospectflow.tenancy.fields.OrganisationField()),
            ],
            options={
                'verbose_name_plural': 'companies',
                'db_table': 'companies',
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='Person',
            fields=[
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('id', models.UUIDField(db_default=django.db.models.functions.uuid.UUID7(), editable=False, primary_key=True, serialize=False)),
                ('provenance', models.JSONField(blank=True, db_default={}, default=dict, help_text='Field → its source and the date it was learnt.')),
                ('kept', models.JSONField(blank=True, db_default={}, default=dict, help_text='Columns of the file that have no field of their own.')),
                ('first_name', models.CharField(blank=True, max_length=100, null=True)),
                ('last_name', models.CharField(blank=True, max_length=100, null=True)),
                ('salutation', models.CharField(blank=True, max_length=50, null=True)),
                ('linkedin_url', models.TextField(blank=True, null=True, verbose_name='LinkedIn page')),
                ('identity_key', models.TextField(db_default=django.db.models.functions.text.Concat(models.Value('hand:'), django.db.models.functions.comparison.Cast(django.db.models.functions.uuid.UUID7(), models.TextField())), editable=False)),
                ('organisation', prospectflow.tenancy.fields.OrganisationField()),
            ],
            options={
                'verbose_name_plural': 'people',
                'db_table': 'people',
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='Consent',
            fields=[
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('id', models.UUIDField(db_default=django.db.models.functions.uuid.UUID7(), editable=False, primary_key=True, serialize=False)),
                ('purpose', models.TextField(choices=[('open_tracking', 'Open Tracking')], db_default='open_tracking', default='open_tracking')),
                ('state', models.TextField(choices=[('given', 'Given'), ('withdrawn', 'Withdrawn')])),
                ('at', models.DateTimeField()),
                ('source', models.TextField(help_text='How the person said it.')),
                ('text_version', models.TextField(blank=True, db_default='', default='')),
                ('evidence', models.TextField(blank=True, db_default='', default='')),
                ('organisation', prospectflow.tenancy.fields.OrganisationField()),
                ('person', prospectflow.tenancy.fields.TenantForeignKey(db_index=False, on_delete=django.db.models.deletion.DB_CASCADE, related_name='consents', to='crm.person')),
            ],
            options={
                'db_table': 'consents',
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='Phone',
            fields=[
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('id', models.UUIDField(db_default=django.db.models.functions.uuid.UUID7(), editable=False, primary_key=True, serialize=False)),
                ('number', models.CharField(help_text='E.164, such as +33612345678.', max_length=16)),
                ('raw', models.CharField(blank=True, db_default='', default='', max_length=64, verbose_name='as supplied')),
                ('kind', models.TextField(choices=[('mobile', 'Mobile'), ('fixed', 'Fixed'), ('voip', 'Voip'), ('other', 'Other')], db_default='other', default='other')),
                ('source', models.TextField(choices=[('pharow', 'Pharow'), ('kaspr_1', 'Kaspr 1'), ('kaspr_2', 'Kaspr 2'), ('kaspr_3', 'Kaspr 3'), ('bettercontact', 'Bettercontact'), ('fullenrich_1', 'Fullenrich 1'), ('fullenrich_2', 'Fullenrich 2'), ('fullenrich_3', 'Fullenrich 3'), ('file', 'File'), ('hand', 'Hand')], db_default='hand', default='hand')),
                ('organisation', prospectflow.tenancy.fields.OrganisationField()),
                ('person', prospectflow.tenancy.fields.TenantForeignKey(db_index=False, on_delete=django.db.models.deletion.DB_CASCADE, related_name='phones', to='crm.person')),
            ],
            options={
                'db_table': 'phones',
                'abstract': False,
            },
        ),
        migrations.CreateModel(
            name='Position',
            fields=[
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('updated_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ('id', models.UUIDField(db_default=django.db.models.functions.uuid.UUID7(), editable=False, primary_key=True, serialize=False)),
                ('provenance', models.JSONField(blank=True, db_default={}, default=dict, help_text='Field → its source and the date it was learnt.')),
                ('kept', models.JSONField(blank=True, db_default={}, default=dict, help_text='Columns of the file that have no field of their own.')),
                ('job_title', models.CharField(blank=True, max_length=255, null=True)),
                ('list_name', models.CharField(blank=True, help_text='The list the row came from.', max_length=255, null=True)),
                ('email', models.CharField(blank=True, max_length=254, null=True, verbose_name='e-mail address')),
                ('email_status', models.TextField(choices=[('valid', 'Valid'), ('catch_all_likely', 'Catch All Likely'), ('catch_all', 'Catch All'), ('unknown', 'Unknown'), ('generic', 'Generic'), ('invalid', 'Invalid'), ('do_not_contact', 'Do Not Contact')], db_default='unknown', default='unknown', verbose_name='address status')),
                ('email_status_raw', models.CharField(blank=True, max_length=50, null=True, verbose_name='address status as supplied')),
                ('email_reliability', models.DecimalField(blank=True, decimal_places=2, help_text='Per cent.', max_digits=5, null=True, verbose_name='address reliability')),
                ('company', prospectflow.tenancy.fields.TenantForeignKey(db_index=False, on_delete=django.db.models.deletion.DB_CASCADE, related_name='positions', to='crm.company')),
                ('organisation', prospectflow.tenancy.fields.OrganisationField()),
                ('person', prospectflow.tenancy.fields.TenantForeignKey(on_delete=django.db.models.deletion.DB_CASCADE, related_name='positions', to='crm.person')),
            ],
            options={
                'db_table': 'positions',
                'abstract': False,
            },
        ),
        migrations.AddIndex(
            model_name='company',
            index=models.Index(fields=['organisation', 'name', 'id'], name='companies_name'),
        ),
        migrations.AddIndex(
            model_name='company',
            index=models.Index(fields=['organisation', 'domain'], name='companies_domain'),
        ),
        migrations.AddIndex(
            model_name='company',
            index=django.contrib.postgres.indexes.GinIndex(fields=['organisation', 'name'], name='companies_name_search', opclasses=['uuid_ops', 'search.gin_trgm_lp']),
        ),
        migrations.AddConstraint(
            model_name='company',
            constraint=prospectflow.tenancy.constraints.TenantIsolation(name='company_isolation'),
        ),
        migrations.AddConstraint(
            model_name='company',
            constraint=models.CheckConstraint(condition=models.Q(('diffusion__in', ['O', 'P'])), name='companies_diffusion_known'),
        ),
        migrations.AddConstraint(
            model_name='company',
            constraint=models.CheckConstraint(condition=models.Q(('naf_nomenclature__in', ['NAFRev2', 'NAF2025', 'NAFRev1', 'NAF1993', 'NAP'])), name='companies_naf_nomenclature_known'),
        ),
        migrations.AddConstraint(
            model_name='company',
            constraint=models.CheckConstraint(condition=models.Q(('siren__regex', '^[0-9]{9}$')), name='companies_siren_shape'),
        ),
        migrations.AddConstraint(
            model_name='company',
            constraint=models.CheckConstraint(condition=models.Q(('hq_siret__regex', '^[0-9]{14}$')), name='companies_hq_siret_shape'),
        ),
        migrations.AddConstraint(
            model_name='company',
            constraint=models.CheckConstraint(condition=models.Q(('naf_code__regex', '^[0-9]{2}\\.?[0-9]{2}[A-Z]$')), name='companies_naf_code_shape'),
        ),
        migrations.AddConstraint(
            model_name='company',
            constraint=models.CheckConstraint(condition=models.Q(('generic_email', django.db.models.functions.text.Lower('generic_email'))), name='companies_generic_email_lower_case'),
        ),
        migrations.AddConstraint(
            model_name='company',
            constraint=models.CheckConstraint(condition=models.Q(('domain', django.db.models.functions.text.Lower('domain'))), name='companies_domain_lower_case'),
        ),
        migrations.AddConstraint(
            model_name='company',
            constraint=models.UniqueConstraint(fields=('organisation', 'siren'), name='companies_once_by_siren'),
        ),
        migrations.AddConstraint(
            model_name='company',
            constraint=models.UniqueConstraint(fields=('organisation', 'pharow_company_id'), name='companies_once_by_pharow_id'),
        ),
        migrations.AddIndex(
            model_name='person',
            index=models.Index(fields=['organisation', 'last_name', 'id'], name='people_last_name'),
        ),
        migrations.AddIndex(
            model_name='person',
            index=django.contrib.postgres.indexes.GinIndex(fields=['organisation', 'last_name'], name='people_last_name_search', opclasses=['uuid_ops', 'search.gin_trgm_lp']),
        ),
        migrations.AddIndex(
            model_name='person',
            index=django.contrib.postgres.indexes.GinIndex(fields=['organisation', 'first_name'], name='people_first_name_search', opclasses=['uuid_ops', 'search.gin_trgm_lp']),
        ),
        migrations.AddConstraint(
            model_name='person',
            constraint=prospectflow.tenancy.constraints.TenantIsolation(name='person_isolation'),
        ),
        migrations.AddConstraint(
            model_name='person',
            constraint=models.UniqueConstraint(fields=('organisation', 'identity_key'), name='people_once_by_identity'),
        ),
        migrations.AddConstraint(
            model_name='person',
            constraint=models.UniqueConstraint(fields=('organisation', 'linkedin_url'), name='people_once_by_linkedin_url'),
        ),
        migrations.AddIndex(
            model_name='consent',
            index=models.Index(fields=['organisation', 'person', 'purpose', '-at'], name='consents_newest'),
        ),
        migrations.AddConstraint(
            model_name='consent',
            constraint=prospectflow.tenancy.constraints.TenantIsolation(name='consent_isolation'),
        ),
        migrations.AddConstraint(
            model_name='consent',
            constraint=models.CheckConstraint(condition=models.Q(('purpose__in', ['open_tracking'])), name='consents_purpose_known'),
        ),
        migrations.AddConstraint(
            model_name='consent',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['given', 'withdrawn'])), name='consents_state_known'),
        ),
        migrations.AddConstraint(
            model_name='phone',
            constraint=prospectflow.tenancy.constraints.TenantIsolation(name='phone_isolation'),
        ),
        migrations.AddConstraint(
            model_name='phone',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['mobile', 'fixed', 'voip', 'other'])), name='phones_kind_known'),
        ),
        migrations.AddConstraint(
            model_name='phone',
            constraint=models.CheckConstraint(condition=models.Q(('source__in', ['pharow', 'kaspr_1', 'kaspr_2', 'kaspr_3', 'bettercontact', 'fullenrich_1', 'fullenrich_2', 'fullenrich_3', 'file', 'hand'])), name='phones_source_known'),
        ),
        migrations.AddConstraint(
            model_name='phone',
            constraint=models.CheckConstraint(condition=models.Q(('number__regex', '^\\+[0-9]{6,15}$')), name='phones_number_shape'),
        ),
        migrations.AddConstraint(
            model_name='phone',
            constraint=models.UniqueConstraint(fields=('organisation', 'person', 'source', 'number'), name='phones_once'),
        ),
        migrations.AddIndex(
            model_name='position',
            index=models.Index(fields=['organisation', 'email'], name='positions_email'),
        ),
        migrations.AddIndex(
            model_name='position',
            index=django.contrib.postgres.indexes.GinIndex(fields=['organisation', 'email'], name='positions_email_search', opclasses=['uuid_ops', 'search.gin_trgm_lp']),
        ),
        migrations.AddConstraint(
            model_name='position',
            constraint=prospectflow.tenancy.constraints.TenantIsolation(name='position_isolation'),
        ),
        migrations.AddConstraint(
            model_name='position',
            constraint=models.CheckConstraint(condition=models.Q(('email_status__in', ['valid', 'catch_all_likely', 'catch_all', 'unknown', 'generic', 'invalid', 'do_not_contact'])), name='positions_email_status_known'),
        ),
        migrations.AddConstraint(
            model_name='position',
            constraint=models.CheckConstraint(condition=models.Q(('email', django.db.models.functions.text.Lower('email'))), name='positions_email_lower_case'),
        ),
        migrations.AddConstraint(
            model_name='position',
            constraint=models.CheckConstraint(condition=models.Q(('email_reliability__gte', 0), ('email_reliability__lte', 100)), name='positions_email_reliability_per_cent'),
        ),
        migrations.AddConstraint(
            model_name='position',
            constraint=models.UniqueConstraint(fields=('organisation', 'company', 'person', 'email'), name='positions_once', nulls_distinct=False),
        ),
    ]
